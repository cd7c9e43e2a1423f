//! Containers of containerd in pods, as the kubelet makes them: through the CRI, which is gRPC on
//! containerd's socket. One call is one HTTP/2 request, and curl can make that.
//!
//! The numbers of the fields are those of
//! <https://github.com/kubernetes/cri-api/blob/v0.26.0/pkg/apis/runtime/v1/api.proto>.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::cgroup::Parent;
use super::containerd::Daemon;
use super::engine::{Engine, Facts, LABEL, Launch, Pod};
use super::json::{number, parse};
use super::process::{program, run};
use super::protobuf::{Fields, Message};
use super::wait::until;

/// The CRI's namespace in containerd.
const CONTAINERD_NAMESPACE: &str = "k8s.io";
const NAMESPACE: &str = "shop";
/// Of the container in its pod.
const CONTAINER: &str = "front";
const CGROUP: &str = "/kubepods";
const QOS: &str = "/kubepods/besteffort";

/// Of `NamespaceMode`.
const OWN: u64 = 1;
const NODE: u64 = 2;
/// Of `ContainerState`.
const STATES: [&str; 4] = ["created", "running", "exited", "unknown"];

/// Each container is in a pod of its own that has its name.
pub struct Cri {
    daemon: Daemon,
    /// By name.
    pods: RefCell<BTreeMap<String, Made>>,
    _cgroups: [Parent; 2],
}

struct Made {
    sandbox: String,
    container: String,
    _cgroup: Parent,
}

impl Cri {
    pub fn new() -> Self {
        // The inner one goes first.
        let cgroups = [Parent::new(QOS), Parent::new(CGROUP)];
        let daemon = Daemon::new();
        daemon.import(CONTAINERD_NAMESPACE);
        // As an image has that was pulled.
        let (repository, _) = daemon.image.rsplit_once(':').expect("a tag");
        let digested = format!("{repository}@{}", daemon.digest(CONTAINERD_NAMESPACE));
        run(daemon.ctr(CONTAINERD_NAMESPACE).args(["images", "tag", &daemon.image, &digested])).expect(0);
        let cri = Self { daemon, pods: RefCell::default(), _cgroups: cgroups };
        // It hears of images from containerd, a moment later.
        until("the image in the CRI", || {
            let image = Message::new().message(1, &Message::new().text(1, &digested));
            let answer = cri.call("ImageService/ImageStatus", image);
            (!Fields::of(&answer).message(1).text(1).is_empty()).then_some(())
        });
        cri
    }

    /// The call of a method, with files beside `file` for what is sent and received. Before each message
    /// are five bytes, a flag and the length.
    /// <https://github.com/grpc/grpc/blob/v1.51.0/doc/PROTOCOL-HTTP2.md>
    fn request(&self, method: &str, message: Message, file: &Path) -> Command {
        let message = message.into_bytes();
        let length = u32::try_from(message.len()).expect("a short message");
        let request = file.with_extension("request");
        let bytes = [&[0], length.to_be_bytes().as_slice(), &message].concat();
        fs::write(&request, bytes).expect("a file can be written");
        let mut command = program("curl");
        command
            .args(["--silent", "--show-error", "--http2-prior-knowledge", "--unix-socket"])
            .arg(self.daemon.socket())
            .args(["--header", "content-type: application/grpc", "--header", "te: trailers"])
            .arg("--data-binary")
            .arg(format!("@{}", request.display()))
            .arg("--dump-header")
            .arg(file.with_extension("head"))
            .arg("--output")
            .arg(file.with_extension("answer"))
            .arg(format!("http://localhost/runtime.v1.{method}"));
        command
    }

    fn call(&self, method: &str, message: Message) -> Vec<u8> {
        let file = self.daemon.file("call");
        run(&mut self.request(method, message, &file)).expect(0);
        let head = fs::read_to_string(file.with_extension("head")).expect("curl has written it");
        assert!(head.lines().any(|line| line.trim() == "grpc-status: 0"), "{method}: {head}");
        fs::read(file.with_extension("answer")).expect("curl has written it").split_off(5)
    }

    /// The id in field 1 of the answer.
    fn id_from(&self, method: &str, request: Message) -> String {
        Fields::of(&self.call(method, request)).text(1)
    }
}

/// As the kubelet labels a pod and its containers.
fn labelled(message: Message, field: u64, name: &str, uid: &str) -> Message {
    message
        .entry(field, ("io.kubernetes.pod.name", name))
        .entry(field, ("io.kubernetes.pod.namespace", NAMESPACE))
        .entry(field, ("io.kubernetes.pod.uid", uid))
        .entry(field, LABEL)
}

impl Engine for Cri {
    fn runtime(&self) -> &'static str {
        "containerd"
    }

    fn mode(&self) -> &'static str {
        "CRI"
    }

    fn image(&self) -> Option<&str> {
        Some(&self.daemon.image)
    }

    /// Makes the pod and the container. The command starts it and prints what it prints, but does not
    /// end with it.
    fn command(&self, name: &str, launch: &Launch) -> Command {
        let number = u64::from(std::process::id()) << 16 | self.pods.borrow().len() as u64;
        let uid = format!("6f1c2d3e-0000-4000-8000-{number:012x}");
        let cgroup = format!("{QOS}/pod{uid}");
        let parent = Parent::new(&cgroup);
        let logs = self.daemon.file(name);
        fs::create_dir(&logs).expect("a temporary folder can be written to");
        let namespaces = Message::new().number(1, NODE).number(2, OWN);
        let linux = Message::new().text(1, &cgroup).message(2, &Message::new().message(1, &namespaces));
        let metadata = Message::new().text(1, name).text(2, &uid).text(3, NAMESPACE);
        let pod = Message::new().message(1, &metadata).text(3, &logs.to_string_lossy()).message(8, &linux);
        let pod = labelled(pod, 6, name, &uid);
        let sandbox = self.id_from("RuntimeService/RunPodSandbox", Message::new().message(1, &pod));

        let linux = Message::new().message(2, &Message::new().message(3, &namespaces));
        let mut config = Message::new()
            .message(1, &Message::new().text(1, CONTAINER))
            .message(2, &Message::new().text(1, &self.daemon.image));
        for arg in launch.args {
            config = config.text(3, arg);
        }
        config = config.entry(9, ("io.kubernetes.container.name", CONTAINER));
        let config = labelled(config, 9, name, &uid).text(11, "log").message(15, &linux);
        let request = Message::new().text(1, &sandbox).message(2, &config).message(3, &pod);
        let container = self.id_from("RuntimeService/CreateContainer", request);
        let start = Message::new().text(1, &container);
        let start = self.request("RuntimeService/StartContainer", start, &logs.join("start"));
        self.pods.borrow_mut().insert(name.to_owned(), Made { sandbox, container, _cgroup: parent });
        let mut command = program("sh");
        // Time, stream and a flag are before each line.
        let script = "\"$@\" >&2 && tail --pid=$$ -n +1 -F \"$0\" | sed -u 's/^[^ ]* [^ ]* [^ ]* //'";
        command.arg("-c").arg(script).arg(logs.join("log")).arg(start.get_program()).args(start.get_args());
        command
    }

    fn id(&self, name: &str) -> Option<String> {
        self.pods.borrow().get(name).map(|made| made.container.clone())
    }

    fn facts(&self, name: &str) -> Facts {
        let pods = self.pods.borrow();
        let made = pods.get(name).expect("it was started");
        let answer =
            self.call("RuntimeService/ContainerStatus", Message::new().text(1, &made.container).number(2, 1));
        let answer = Fields::of(&answer);
        let status = answer.message(1);
        let info = parse(&answer.map(2)["info"]);
        let started = i128::from(status.number(5));
        let labels = status.map(12);
        let label = |key: &str| labels.get(key).cloned();
        Facts {
            id: status.text(1),
            name: Some(status.message(2).text(1)),
            image: Some(status.message(8).text(1)),
            image_id: status.text(9).rsplit_once('@').map(|(_, digest)| digest.to_owned()),
            pod: Some(Pod {
                name: label("io.kubernetes.pod.name"),
                uid: label("io.kubernetes.pod.uid"),
                namespace: label("io.kubernetes.pod.namespace"),
                container_name: label("io.kubernetes.container.name"),
            }),
            labels,
            pid: u32::try_from(number(&info, "pid")).expect("a pid"),
            started: jiff::Timestamp::from_nanosecond(started).ok().map(|time| time.to_string()),
            state: STATES[usize::try_from(status.number(3)).expect("a state")].to_owned(),
            ..Facts::default()
        }
    }

    fn remove(&self, name: &str) {
        let Some(made) = self.pods.borrow_mut().remove(name) else { return };
        for method in ["RuntimeService/StopPodSandbox", "RuntimeService/RemovePodSandbox"] {
            self.call(method, Message::new().text(1, &made.sandbox));
        }
    }
}

impl Drop for Cri {
    fn drop(&mut self) {
        self.daemon.forget(CONTAINERD_NAMESPACE);
    }
}
