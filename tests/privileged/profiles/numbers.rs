//! How many calls profiles of well-known programs allow, and that the programs run under them. What was found goes to
//! `CARGO_TARGET_TMPDIR/numbers`, of which `cargo xtask profile-numbers` makes a table.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tracer::batch::Arch;
use tracer::event::Abi;
use tracer::syscall;

use super::cells;
use super::workloads::{PYTHON, REDIS};
use crate::support::ctrace::ctrace_over;
use crate::support::docker::Docker;
use crate::support::engine::{Container, Engine, Launch};
use crate::support::json::{list, parse};
use crate::support::oci::Oci;
use crate::support::podman::Podman;
use crate::support::process::run;

const BUSYBOX: &str = "ls /bin | sort | tail -n 3; date +%Y | wc -c; mkdir /tmp/d; echo x | gzip | gunzip >/tmp/d/x; cat /tmp/d/x; \
    tar -c -f /tmp/d.tar -C /tmp d; rm -r /tmp/d /tmp/d.tar; (sleep 0.1; exit 4) & wait $!; echo $?";

const NGINX: &str = "
mkdir -p /tmp/www /tmp/logs
echo hello >/tmp/www/index.html
cat >/tmp/nginx.conf <<END
daemon off; user root root; worker_processes 2; pid /tmp/nginx.pid; error_log /tmp/logs/error.log;
events {}
http {
  access_log /tmp/logs/access.log; client_body_temp_path /tmp/b; proxy_temp_path /tmp/p;
  fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;
  server { listen unix:/tmp/nginx.sock; root /tmp/www; location /again { proxy_pass http://unix:/tmp/nginx.sock:/; } }
}
END
echo 'root:x:0:' >/etc/group; echo 'root:x:0:0::/:/bin/sh' >/etc/passwd
/usr/sbin/nginx -e /tmp/logs/first.log -c /tmp/nginx.conf &
i=0
until [ -S /tmp/nginx.sock ]; do i=$((i + 1)); [ $i -lt 400 ] || exit 1; sleep 0.02; done
get() { /usr/bin/curl -s --retry 5 --unix-socket /tmp/nginx.sock \"http://x$1\"; }
get /; get /again; get /missing | head -n 1
kill -HUP $(cat /tmp/nginx.pid)
get /
kill -QUIT $(cat /tmp/nginx.pid)
wait
echo ended";

const POSTGRES: &str = "
echo 'root:x:0:' >/etc/group; echo 'db:x:1000:' >>/etc/group
echo 'root:x:0:0::/:/bin/sh' >/etc/passwd; echo 'db:x:1000:1000::/tmp:/bin/sh' >>/etc/passwd
bin=$(echo /usr/lib/postgresql/*/bin)
mkdir -p /tmp/db && chown 1000:1000 /tmp/db
as() { /usr/bin/setpriv --reuid 1000 --regid 1000 --clear-groups \"$@\"; }
as $bin/initdb -D /tmp/db -A trust --no-sync --locale C >/dev/null || exit 1
as $bin/postgres -D /tmp/db -k /tmp/db -h '' -c dynamic_shared_memory_type=mmap 2>/tmp/log &
sql() { as $bin/psql -h /tmp/db -U db -At postgres -c \"$1\" 2>/dev/null; }
i=0
until sql 'select 1' >/dev/null; do i=$((i + 1)); [ $i -lt 400 ] || exit 1; sleep 0.05; done
sql 'create table t (a int primary key, b text)'
sql \"insert into t select i, 'x' || i from generate_series(1, 5000) i\"
sql 'select count(*), max(b) from t'
sql 'vacuum analyze t'
sql 'checkpoint'
kill -INT $(head -n 1 /tmp/db/postmaster.pid)
wait
echo ended";

const NODE: &str = "
const fs = require('fs'), http = require('http'), { Worker } = require('worker_threads');
const { execFileSync } = require('child_process');
fs.writeFileSync('/tmp/x', 'y'.repeat(100000));
console.log(fs.readFileSync('/tmp/x').length, execFileSync('/bin/echo', ['child']).toString().trim());
const worker = new Worker(\"require('worker_threads').parentPort.postMessage(6 * 7)\", { eval: true });
worker.on('message', (answer) => {
  console.log(answer);
  const server = http.createServer((_, response) => response.end('served'));
  server.listen('/tmp/node.sock', () =>
    http.get({ socketPath: '/tmp/node.sock', path: '/' }, (response) =>
      response.on('data', (data) => console.log(data.toString())).on('end', () => server.close())));
});";

/// How often it is run under its profile, on each runtime: once, or with `--profiles` and for the table.
const REPLAYS: [usize; 2] = [1, 3];

fn count(program: &str, args: &[&str], code: i32) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profile.json");
    let runc = Oci::runc();
    let launch = Launch { usr: true, no_new_privs: Some(false), unconfined: true, ..Launch::new(args) };
    let inner = Container::new(&runc).command(&launch);
    let first =
        run(&mut ctrace_over(&["profile", "record", "-o", path.to_str().unwrap()], &inner)).expect(code);
    assert!(!first.stdout.is_empty(), "{first:?}");
    let allowed = allowed(&parse(&fs::read_to_string(&path).unwrap()));

    let (docker, podman, crun) = (Docker::new(), Podman::new(), Oci::crun());
    let engines: [&dyn Engine; 4] = [&runc, &crun, &podman, &docker];
    let replays = REPLAYS[usize::from(cells::all())];
    let mut failed = Vec::new();
    for engine in engines {
        for _ in 0..replays {
            let launch = Launch { seccomp: Some(&path), unconfined: false, ..launch };
            let again = Container::new(engine).run(&launch);
            if (again.code, &again.stdout) != (first.code, &first.stdout) {
                failed.push(format!("{}: {again:?}\nbefore: {first:?}", engine.runtime()));
            }
        }
    }
    let result = json!({
        "program": program,
        "version": version(args),
        "allowed": allowed.len(),
        "docker": default_of_docker(&docker),
        "docker version": docker.version(),
        "podman": default_of_podman(&podman),
        "podman version": podman.version(),
        "replays": engines.len() * replays,
        "failed": failed.len(),
    });
    let results = Path::new(env!("CARGO_TARGET_TMPDIR")).join("numbers");
    fs::create_dir_all(&results).expect("the target folder can be written to");
    fs::write(results.join(format!("{program}.json")), result.to_string()).expect("a file can be written");
    assert!(failed.is_empty(), "{program}: {} failed:\n{}", failed.len(), failed.join("\n"));
}

/// Names of this machine's calls that are allowed, under conditions or not.
fn allowed(rules: &Value) -> BTreeSet<String> {
    let allow = list(&rules["syscalls"]).iter().filter(|rule| rule["action"] == "SCMP_ACT_ALLOW");
    let names = allow.flat_map(|rule| list(&rule["names"])).filter_map(Value::as_str);
    let ours = names.filter(|name| syscall::number(Arch::X86_64, Abi::Native, name).is_some());
    ours.map(str::to_owned).collect()
}

fn default_of_docker(docker: &Docker) -> usize {
    let container = Container::new(docker).start(&Launch::new(&["pulse"]));
    allowed(&docker.given_profile(&container.id())).len()
}

fn default_of_podman(podman: &Podman) -> usize {
    let container = Container::new(podman).start(&Launch::new(&["pulse"]));
    let inspect = ["inspect", "--format", "{{.OCIConfigPath}}", &container.name];
    let path = run(podman.podman().args(inspect)).expect(0).stdout;
    let config = parse(&fs::read_to_string(path.trim()).unwrap());
    allowed(&config["linux"]["seccomp"]).len()
}

/// Of the package that the program comes from.
fn version(args: &[&str]) -> String {
    let text = args.join(" ");
    let packages = ["postgresql-15", "nginx", "redis-server", "nodejs", "python3", "busybox-static"];
    let signs = ["postgresql", "nginx", "redis-server", "node", "python3", ""];
    let package = packages.iter().zip(signs).find(|(_, sign)| text.contains(sign)).unwrap().0;
    let format = "--showformat=${Version}";
    run(std::process::Command::new("dpkg-query").args(["--show", format, package]))
        .expect(0)
        .stdout
        .trim()
        .to_owned()
}

#[test]
#[ignore = "needs root, BTF, runc, crun, podman, docker, dockerd, gcc, busybox, dpkg-query"]
fn busybox() {
    count("busybox", &["sh", "-c", BUSYBOX], 0);
}

#[test]
#[ignore = "needs root, BTF, runc, crun, podman, docker, dockerd, gcc, busybox, dpkg-query, redis-server"]
fn redis() {
    count("redis", &["sh", "-c", REDIS], 11);
}

#[test]
#[ignore = "needs root, BTF, runc, crun, podman, docker, dockerd, gcc, busybox, dpkg-query, /usr/bin/python3"]
fn python() {
    count("python", &["/usr/bin/python3", "-c", PYTHON], 10);
}

#[test]
#[ignore = "needs root, BTF, runc, crun, podman, docker, dockerd, gcc, busybox, dpkg-query, nginx, curl"]
fn nginx() {
    count("nginx", &["sh", "-c", NGINX], 0);
}

#[test]
#[ignore = "needs root, BTF, runc, crun, podman, docker, dockerd, gcc, busybox, dpkg-query, pg_ctlcluster, setpriv"]
fn postgres() {
    count("postgres", &["sh", "-c", POSTGRES], 0);
}

#[test]
#[ignore = "needs root, BTF, runc, crun, podman, docker, dockerd, gcc, busybox, dpkg-query, /usr/bin/node"]
fn node() {
    count("node", &["/usr/bin/node", "-e", NODE], 0);
}
