//! bolt databases: a tree of buckets, each a B+ tree of pages.
//! <https://github.com/etcd-io/bbolt/blob/v1.3.11/page.go>
//!
//! ```text
//! page     id u64, flags u16, elements u16, further pages u32; elements; keys and values
//! branch   element: position u32, key size u32, page u64
//! leaf     element: flags u32, position u32, key size u32, value size u32; the value follows the key
//! bucket   value of a leaf: page u64, counter u64; if the page is 0, a leaf follows
//! meta     pages 0 and 1: magic u32, version u32, page size u32, flags u32, bucket, free pages u64,
//!          pages u64, transaction u64, FNV-1a of all before it u64
//! ```

use super::{Budget, DatabaseError};

/// Of a page's head, and of an element.
const HEAD: usize = 16;

const BRANCH: u16 = 1;
const LEAF: u16 = 2;
/// Of a leaf's element.
const BUCKET: u32 = 1;

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
/// Of a meta without its checksum.
const META: usize = 56;

/// bbolt takes the machine's.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 1 << 10..=1 << 16;

/// Pages hold two elements or more, so a tree of this height has more than any file.
const LEVELS_MAX: usize = 20;

/// The state after a database's last transaction.
pub struct Bolt<'a> {
    bytes: &'a [u8],
    page_size: usize,
    root: u64,
    pub budget: Budget,
}

#[derive(Clone, Copy)]
pub struct Bucket<'a> {
    bolt: &'a Bolt<'a>,
    node: Node<'a>,
}

#[derive(Clone, Copy)]
enum Node<'a> {
    Page(u64),
    Inline(&'a [u8]),
}

#[derive(Clone, Copy)]
pub enum Value<'a> {
    Bytes(&'a [u8]),
    Bucket(Bucket<'a>),
}

impl<'a> Value<'a> {
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            Value::Bucket(_) => None,
        }
    }

    pub fn bucket(self) -> Option<Bucket<'a>> {
        match self {
            Value::Bytes(_) => None,
            Value::Bucket(bucket) => Some(bucket),
        }
    }
}

impl<'a> Bolt<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, DatabaseError> {
        let first = Meta::at(bytes, 0);
        // If the first is torn, the second is where its own page size says.
        let second = if let Some(Meta { page_size, .. }) = first {
            Meta::at(bytes, page_size as usize)
        } else {
            let mut sizes = (PAGE_SIZES.start().ilog2()..=PAGE_SIZES.end().ilog2()).map(|bits| 1_u32 << bits);
            sizes.find_map(|size| Meta::at(bytes, size as usize).filter(|meta| meta.page_size == size))
        };
        let meta = [first, second].into_iter().flatten().max_by_key(|meta| meta.transaction);
        let Meta { page_size, root, .. } =
            meta.ok_or(DatabaseError::Damaged("no bolt meta page is whole"))?;
        Ok(Self { bytes, page_size: page_size as usize, root, budget: Budget::of(bytes) })
    }

    pub fn root(&'a self) -> Bucket<'a> {
        Bucket { bolt: self, node: Node::Page(self.root) }
    }

    fn page(&self, id: u64) -> Option<Page<'a>> {
        let start = usize::try_from(id).ok()?.checked_mul(self.page_size)?;
        let bytes = self.bytes.get(start..)?;
        let further = u32_at(bytes, 12)? as usize;
        let page = bytes.get(..further.checked_add(1)?.checked_mul(self.page_size)?)?;
        (u64_at(page, 0)? == id).then_some(Page(page))
    }
}

impl<'a> Bucket<'a> {
    /// Hands on all that is in the bucket itself.
    pub fn each(
        self,
        mut each: impl FnMut(&'a [u8], Value<'a>) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        self.walk(self.node, LEVELS_MAX, &mut each)
    }

    /// What is under these keys.
    pub fn fields<const N: usize>(self, keys: [&str; N]) -> Result<[Option<Value<'a>>; N], DatabaseError> {
        let mut fields = [None; N];
        self.each(|key, value| {
            if let Some((_, field)) = keys.iter().zip(&mut fields).find(|(name, _)| name.as_bytes() == key) {
                *field = Some(value);
            }
            Ok(())
        })?;
        Ok(fields)
    }

    fn walk(
        self,
        node: Node<'a>,
        levels: usize,
        each: &mut impl FnMut(&'a [u8], Value<'a>) -> Result<(), DatabaseError>,
    ) -> Result<(), DatabaseError> {
        let Bolt { budget, .. } = self.bolt;
        let levels = levels.checked_sub(1).ok_or(DatabaseError::Damaged("a bolt tree is too high"))?;
        let page = match node {
            Node::Page(id) => self.bolt.page(id),
            Node::Inline(bytes) => Some(Page(bytes)),
        };
        let page = page.ok_or(DatabaseError::Damaged("a bolt page is not where it should be"))?;
        budget.charge(HEAD)?;
        for element in page.elements()? {
            let element = element.ok_or(DatabaseError::Damaged("a bolt page's element lies outside it"))?;
            budget.charge(HEAD)?;
            match element {
                Element::Branch { page } => self.walk(Node::Page(page), levels, each)?,
                Element::Leaf { key, value, is_bucket } => {
                    budget.charge(key.len().saturating_add(value.len()))?;
                    each(key, if is_bucket { self.inner(value)? } else { Value::Bytes(value) })?;
                }
            }
        }
        Ok(())
    }

    fn inner(self, value: &'a [u8]) -> Result<Value<'a>, DatabaseError> {
        let node = match u64_at(value, 0) {
            Some(0) => value.get(HEAD..).map(Node::Inline),
            page => page.map(Node::Page),
        };
        let node = node.ok_or(DatabaseError::Damaged("a bolt bucket has no head"))?;
        Ok(Value::Bucket(Bucket { bolt: self.bolt, node }))
    }
}

/// With the pages that continue it.
#[derive(Clone, Copy)]
struct Page<'a>(&'a [u8]);

enum Element<'a> {
    Branch { page: u64 },
    Leaf { key: &'a [u8], value: &'a [u8], is_bucket: bool },
}

impl<'a> Page<'a> {
    fn elements(self) -> Result<impl Iterator<Item = Option<Element<'a>>>, DatabaseError> {
        let damaged = DatabaseError::Damaged("a bolt page is neither branch nor leaf");
        let (Some(flags), Some(count)) = (u16_at(self.0, 8), u16_at(self.0, 10)) else { return Err(damaged) };
        let element = match flags {
            BRANCH => Self::branch,
            LEAF => Self::leaf,
            _ => return Err(damaged),
        };
        Ok((1..=usize::from(count)).map(move |n| element(self, n * HEAD)))
    }

    fn branch(self, at: usize) -> Option<Element<'a>> {
        Some(Element::Branch { page: u64_at(self.0, at + 8)? })
    }

    fn leaf(self, at: usize) -> Option<Element<'a>> {
        let field = |n: usize| u32_at(self.0, at + 4 * n).map(|field| field as usize);
        let (position, key, value) = (field(1)?, field(2)?, field(3)?);
        let (key, rest) = self.0.get(at.checked_add(position)?..)?.split_at_checked(key)?;
        let is_bucket = u32_at(self.0, at)? & BUCKET != 0;
        Some(Element::Leaf { key, value: rest.get(..value)?, is_bucket })
    }
}

struct Meta {
    page_size: u32,
    root: u64,
    transaction: u64,
}

impl Meta {
    /// The one in the page that starts there, if it is whole.
    /// <https://github.com/etcd-io/bbolt/blob/v1.3.11/db.go#L1243-L1252>
    fn at(bytes: &[u8], page: usize) -> Option<Self> {
        let meta = bytes.get(page..)?.get(HEAD..)?;
        let page_size = u32_at(meta, 8)?;
        let whole = u32_at(meta, 0)? == MAGIC
            && u32_at(meta, 4)? == VERSION
            && u64_at(meta, META)? == fnv(meta.get(..META)?)
            && page_size.is_power_of_two()
            && PAGE_SIZES.contains(&page_size);
        whole.then_some(Self { page_size, root: u64_at(meta, 16)?, transaction: u64_at(meta, 48)? })
    }
}

/// <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv-17>: 64 bits, FNV-1a.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3))
}

// bolt writes as the machine does.

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::super::testing::bytes;
    use super::*;

    const PAGE: usize = 4096;

    /// A database whose root is in page 2.
    struct Pages(Vec<u8>);

    impl Pages {
        fn new(pages: usize) -> Self {
            let mut database = Self(vec![0; pages * PAGE]);
            database.meta(0, 2, 1);
            database
        }

        fn put(&mut self, at: usize, bytes: &[u8]) {
            self.0[at..at + bytes.len()].copy_from_slice(bytes);
        }

        fn meta(&mut self, page: usize, root: u64, transaction: u64) {
            let fields =
                [u64::from(MAGIC) | u64::from(VERSION) << 32, PAGE as u64, root, 0, 0, 3, transaction];
            let meta: Vec<u8> = fields.iter().flat_map(|field| field.to_ne_bytes()).collect();
            self.put(page * PAGE + HEAD, &meta);
            self.put(page * PAGE + HEAD + META, &fnv(&meta).to_ne_bytes());
        }

        fn head(&mut self, page: usize, flags: u16, count: u16) {
            self.put(page * PAGE, &(page as u64).to_ne_bytes());
            self.put(page * PAGE + 8, &flags.to_ne_bytes());
            self.put(page * PAGE + 10, &count.to_ne_bytes());
        }

        fn branch(&mut self, page: usize, children: &[u64]) {
            self.head(page, BRANCH, u16::try_from(children.len()).unwrap());
            for (n, child) in children.iter().enumerate() {
                self.put(page * PAGE + (n + 1) * HEAD + 8, &child.to_ne_bytes());
            }
        }

        /// Each element as its fields.
        fn leaf(&mut self, page: usize, elements: &[[u32; 4]]) {
            self.head(page, LEAF, u16::try_from(elements.len()).unwrap());
            for (n, element) in elements.iter().enumerate() {
                let fields: Vec<u8> = element.iter().flat_map(|field| field.to_ne_bytes()).collect();
                self.put(page * PAGE + (n + 1) * HEAD, &fields);
            }
        }

        fn keys(&self) -> Result<Vec<Vec<u8>>, DatabaseError> {
            let bolt = Bolt::open(&self.0)?;
            let mut keys = Vec::new();
            bolt.root().each(|key, _| {
                keys.push(key.to_vec());
                Ok(())
            })?;
            Ok(keys)
        }

        fn error(&self) -> String {
            self.keys().unwrap_err().to_string()
        }
    }

    #[test]
    fn a_tree_is_read_in_order() {
        let mut database = Pages::new(6);
        database.branch(2, &[3, 5]);
        database.leaf(3, &[[0, 1000, 1, 2]]);
        database.put(3 * PAGE + HEAD + 1000, b"axy");
        database.leaf(5, &[[0, 1000, 2, 0], [0, 1000, 1, 0]]);
        database.put(5 * PAGE + HEAD + 1000, b"bc");
        database.put(5 * PAGE + 2 * HEAD + 1000, b"d");
        assert_eq!(database.keys().unwrap(), [&b"a"[..], b"bc", b"d"]);
    }

    #[test]
    fn a_value_can_take_several_pages() {
        let mut database = Pages::new(5);
        database.leaf(2, &[[0, 100, 1, 6000]]);
        database.put(2 * PAGE + HEAD + 100, b"k");
        assert!(database.error().contains("outside"), "{}", database.error());
        database.put(2 * PAGE + 12, &1_u32.to_ne_bytes());
        assert_eq!(database.keys().unwrap(), [b"k"]);
    }

    #[test]
    fn the_last_whole_meta_page_counts() {
        let key = |database: &Pages| database.keys().unwrap().concat();
        let mut database = Pages::new(4);
        for (page, name) in [(2, b"o"), (3, b"n")] {
            database.leaf(page, &[[0, 100, 1, 0]]);
            database.put(page * PAGE + HEAD + 100, name);
        }
        assert_eq!(key(&database), b"o");
        database.meta(1, 3, 2);
        assert_eq!(key(&database), b"n");
        database.meta(0, 2, 3);
        assert_eq!(key(&database), b"o");
        database.put(HEAD + 48, b"torn");
        assert_eq!(key(&database), b"n");
        database.put(PAGE + HEAD + 48, b"torn");
        assert!(database.error().contains("no bolt meta page is whole"), "{}", database.error());
    }

    #[test]
    fn cycles_and_repetitions_end() {
        let mut database = Pages::new(4);
        database.branch(2, &[2]);
        assert!(database.error().contains("too high"), "{}", database.error());
        // 255 to the power of 20.
        database.branch(2, &[2; 255]);
        assert!(database.error().contains("too high"), "{}", database.error());
        // Two levels with the same leaf again and again.
        database.branch(2, &[3; 255]);
        database.leaf(3, &[[0, 0, 0, 2000]; 100]);
        assert!(database.error().contains("again and again"), "{}", database.error());
    }

    #[test]
    fn what_is_not_where_it_should_be_is_an_error() {
        let error = |change: &dyn Fn(&mut Pages)| {
            let mut database = Pages::new(3);
            database.leaf(2, &[[0, 100, 1, 1]]);
            assert_eq!(database.keys().unwrap().len(), 1);
            change(&mut database);
            database.error()
        };
        assert!(error(&|database| database.meta(0, 3, 1)).contains("not where"));
        assert!(error(&|database| database.meta(0, u64::MAX, 1)).contains("not where"));
        assert!(error(&|database| database.put(2 * PAGE, b"9")).contains("not where"));
        assert!(error(&|database| database.put(2 * PAGE + 12, &[255; 4])).contains("not where"));
        assert!(error(&|database| database.0.truncate(2 * PAGE + 100)).contains("not where"));
        assert!(error(&|database| database.head(2, LEAF | BRANCH, 1)).contains("neither"));
        assert!(error(&|database| database.head(2, LEAF, u16::MAX)).contains("outside"));
        assert!(
            error(&|database| database.leaf(2, &[[0, u32::MAX, u32::MAX, u32::MAX]])).contains("outside")
        );
        assert!(error(&|database| database.leaf(2, &[[BUCKET, 100, 1, 1]])).contains("no head"));
    }

    #[test]
    fn an_empty_file_is_no_database() {
        for bytes in [&[][..], &[0; 16], &[0; 8192]] {
            assert!(Bolt::open(bytes).is_err());
        }
    }

    #[test]
    fn buckets_are_read_inside_pages_and_in_their_own() {
        let bytes = bytes("podman-4.3.db");
        let bolt = Bolt::open(&bytes).unwrap();
        let fields = bolt.root().fields(["ctr", "allPods", "nothing"]).unwrap();
        let [Some(Value::Bucket(containers)), Some(Value::Bucket(pods)), None] = fields else {
            panic!("no buckets")
        };
        assert!(matches!((containers.node, pods.node), (Node::Page(_), Node::Inline(_))));
        for (bucket, expected) in [(containers, 5), (pods, 1)] {
            let mut found = 0;
            bucket
                .each(|key, _| {
                    assert_eq!(key.len(), 64);
                    found += 1;
                    Ok(())
                })
                .unwrap();
            assert_eq!(found, expected);
        }
    }
}
