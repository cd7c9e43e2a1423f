use super::*;

#[track_caller]
fn target(text: &str) -> Target {
    let spec = SinkSpec::parse(text).unwrap();
    assert_eq!(spec.options, Options::default());
    spec.target
}

#[test]
fn every_kind_of_sink() {
    let file = |path: &str| Target::File(path.into());
    for (text, is, name) in [
        ("-", Target::Stdout, "stdout"),
        ("stdout:", Target::Stdout, "stdout"),
        ("x.json", file("x.json"), "file:x.json"),
        ("what?", file("what?"), "file:what?"),
        ("a:b", file("a:b"), "file:a:b"),
        ("file:/var/log/x", file("/var/log/x"), "file:/var/log/x"),
        ("tcp://node:5170", Target::Tcp("node:5170".into()), "tcp://node:5170"),
        ("tcp://[::1]:5170/", Target::Tcp("[::1]:5170".into()), "tcp://[::1]:5170"),
        ("udp://127.0.0.1:1", Target::Udp("127.0.0.1:1".into()), "udp://127.0.0.1:1"),
        ("unix:/run/x", Target::Unix("/run/x".into()), "unix:/run/x"),
        ("unix-dgram:/run/x", Target::UnixDatagram("/run/x".into()), "unix-dgram:/run/x"),
        ("syslog+tcp://log:601", Target::SyslogTcp("log:601".into()), "syslog+tcp://log:601"),
        ("syslog+unix:/dev/log", Target::SyslogUnix("/dev/log".into()), "syslog+unix:/dev/log"),
        ("otlp+grpc://c:4317", Target::OtlpGrpc("c:4317".into()), "otlp+grpc://c:4317"),
        ("parquet:x.parquet", Target::Parquet("x.parquet".into()), "parquet:x.parquet"),
        (
            "otlp+http://user:secret@c:4318/v1/logs",
            Target::OtlpHttp("http://user:secret@c:4318/v1/logs".into()),
            "otlp+http://c:4318/v1/logs",
        ),
    ] {
        assert_eq!(target(text), is, "{text}");
        assert_eq!(SinkSpec::new(is).name(), name, "{text}");
    }
}

#[test]
fn options_of_one_and_of_all() {
    let text =
        "file:x?format=json&rotate_size=100M&rotate_age=1h&keep=3&compress=zstd&on_full=block&queue=1M";
    let here = SinkSpec::parse(text).unwrap().options;
    assert_eq!(
        here,
        Options {
            format: Some(EventFormat::Json),
            on_full: Some(OnFull::Block),
            queue: Some(1 << 20),
            rotate_size: Some(100 << 20),
            rotate_age: Some(Duration::from_hours(1)),
            keep: Some(3),
            compress: Some(Compression::Zstd),
        }
    );
    let common = Options { keep: Some(9), on_full: Some(OnFull::Drop), ..Options::default() };
    assert_eq!(here.or(&common), here);
    assert_eq!(Options::default().or(&common), common);
}

#[test]
fn formats() {
    let format = |text: &str, common| SinkSpec::parse(text).unwrap().format(common);
    let (text, json) = (EventFormat::Text, EventFormat::Json);
    assert_eq!([format("-", None), format("x", None)], [text, text]);
    assert_eq!([format("tcp://a:1", None), format("unix:x", None)], [json, json]);
    assert_eq!([format("-", Some(json)), format("tcp://a:1", Some(text))], [json, text]);
    assert_eq!(
        [format("stdout:?format=text", Some(json)), format("syslog+tcp://a:1", Some(text))],
        [text, json]
    );
}

#[test]
fn mistakes_are_explained() {
    for (text, part) in [
        ("file:x?fromat=json", "`fromat`, did you mean `format`?"),
        ("file:x?size=1M", "Known are: format on_full queue rotate_size rotate_age keep compress"),
        ("tcp://a:1?keep=3", "Known are: format on_full queue"),
        ("syslog+tcp://a:1?format=text", "no such option here: `format`"),
        ("file:x?format=xml", "format: expected text or json, not `xml`"),
        ("file:x?queue=1K", "queue: expected at least 128K"),
        ("file:x?keep=0", "keep: expected a number from 1"),
        ("file:x?rotate_size=0", "rotate_size: expected a size"),
        ("file:x?rotate_age=5", "rotate_age: expected a time"),
        ("x?format=json", "`file:x?format=json`"),
        ("http://x", "no such kind of sink: `http://`"),
        ("syslog+tpc://a:1", "did you mean `syslog+tcp`?"),
        ("tcp://a", "expected HOST:PORT"),
        ("tcp://::1:5", "expected HOST:PORT"),
        ("tcp://a:b@c:5", "expected HOST:PORT"),
        ("tcp://a:0", "expected HOST:PORT"),
        ("otlp+http://", "expected otlp+http://HOST:PORT"),
        ("file:", "a path is missing"),
        ("stdout:x", "takes options alone"),
        ("", "a path is missing"),
    ] {
        let error = SinkSpec::parse(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn sizes() {
    assert_eq!(["1", "2k", "3M", "4G"].map(size), [Ok(1), Ok(2 << 10), Ok(3 << 20), Ok(4 << 30)]);
    for wrong in ["", "M", "-1", "1.5M", "99999999999G", "1T"] {
        assert!(size(wrong).is_err(), "{wrong}");
    }
}
