//! OTLP over gRPC, without TLS as over [`super::http`].
//!
//! <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc>

use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use prost::Message as _;
use tokio::runtime::{Builder, Runtime};
use tonic::codec::CompressionEncoding;
use tonic::metadata::{Ascii, MetadataKey, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

use super::Client;
use super::answer::{Answer, Status, said};
use super::settings::Settings;

pub struct Grpc {
    client: LogsServiceClient<Channel>,
    headers: Vec<(MetadataKey<Ascii>, MetadataValue<Ascii>)>,
    timeout: Duration,
    /// All of it happens while a request is waited for.
    runtime: Runtime,
}

impl Grpc {
    /// `at`: `HOST:PORT`. Connects with the first request.
    pub fn new(at: &str, gzip: bool, settings: &Settings) -> Result<Self, String> {
        let Settings { timeout, headers } = settings;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot make a runtime: {error}"))?;
        let endpoint = Endpoint::from_shared(format!("http://{at}"))
            .and_then(|endpoint| endpoint.user_agent(concat!("ctrace/", env!("CARGO_PKG_VERSION"))))
            .map_err(|error| error.to_string())?;
        let channel = {
            let _inside = runtime.enter();
            endpoint.connect_timeout(*timeout).connect_lazy()
        };
        let mut client = LogsServiceClient::new(channel);
        if gzip {
            client = client.send_compressed(CompressionEncoding::Gzip);
        }
        let headers = headers.iter().map(|(name, value)| Some((name.parse().ok()?, value.parse().ok()?)));
        let headers: Option<_> = headers.collect();
        let headers = headers.ok_or("a header of OTEL_EXPORTER_OTLP_HEADERS cannot be sent by gRPC")?;
        Ok(Self { client, headers, timeout: *timeout, runtime })
    }
}

impl Client for Grpc {
    fn export(&mut self, request: &ExportLogsServiceRequest) -> Answer {
        let Self { client, headers, timeout, runtime } = self;
        let mut request = Request::new(request.clone());
        for (name, value) in headers.iter() {
            request.metadata_mut().insert(name.clone(), value.clone());
        }
        let answer = runtime.block_on(async { tokio::time::timeout(*timeout, client.export(request)).await });
        match answer {
            Ok(Ok(response)) => response.into_inner().into(),
            Ok(Err(status)) => failed(&status),
            Err(_) => {
                let why = format!("no answer within {timeout:?}");
                Answer::Later { after: None, why: io::Error::new(ErrorKind::TimedOut, why) }
            }
        }
    }
}

fn failed(status: &tonic::Status) -> Answer {
    let after = retry_delay(status.details());
    let why = system_error(status)
        .unwrap_or_else(|| io::Error::other(format!("gRPC {:?}: {}", status.code(), said(status.message()))));
    match status.code() {
        // Table "gRPC retryable" of the specification.
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Answer::Later { after, why },
        // Only of a receiver that says when.
        Code::ResourceExhausted if after.is_some() => Answer::Later { after, why },
        Code::Ok
        | Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Unimplemented
        | Code::Internal
        | Code::Unauthenticated => Answer::Never(why),
    }
}

/// Of a connection that failed: the system's own error, which has a name.
fn system_error(status: &tonic::Status) -> Option<io::Error> {
    let mut source = status.source();
    while let Some(error) = source {
        let number = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        if let Some(number) = number {
            return Some(io::Error::from_raw_os_error(number));
        }
        source = error.source();
    }
    None
}

/// `google.rpc.RetryInfo`, with a `google.protobuf.Duration`.
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

fn retry_delay(details: &[u8]) -> Option<Duration> {
    let details = Status::decode(details).ok()?.details;
    let info = details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let Delay { seconds, nanos } = RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay?;
    let nanos = Duration::from_nanos(nanos.try_into().ok()?);
    Duration::from_secs(seconds.try_into().ok()?).checked_add(nanos)
}

#[cfg(test)]
mod tests {
    use super::super::answer::Detail;
    use super::*;

    fn status(code: Code, details: Vec<u8>) -> Answer {
        failed(&tonic::Status::with_details(code, "why \u{1b}", details.into()))
    }

    fn delay(seconds: i64, nanos: i32) -> Vec<u8> {
        let info = RetryInfo { retry_delay: Some(Delay { seconds, nanos }) };
        let type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
        let detail = Detail { type_url, value: info.encode_to_vec() };
        Status { message: String::new(), details: vec![detail] }.encode_to_vec()
    }

    #[test]
    fn what_is_asked_again_follows_the_specification() {
        let again =
            [Code::Cancelled, Code::DeadlineExceeded, Code::Aborted, Code::Unavailable, Code::DataLoss];
        for code in again {
            assert!(matches!(status(code, Vec::new()), Answer::Later { after: None, .. }), "{code:?}");
        }
        for code in
            [Code::InvalidArgument, Code::Unauthenticated, Code::ResourceExhausted, Code::Unimplemented]
        {
            let Answer::Never(why) = status(code, Vec::new()) else { panic!("{code:?}") };
            assert_eq!(why.to_string(), format!(r"gRPC {code:?}: why \u{{1b}}"));
        }
        let Answer::Later { after, .. } = status(Code::ResourceExhausted, delay(1, 500_000_000)) else {
            panic!()
        };
        assert_eq!(after, Some(Duration::from_millis(1500)));
        for wrong in [delay(-1, 0), delay(0, -1), b"\xff".to_vec()] {
            assert_eq!(retry_delay(&wrong), None);
        }
    }

    #[test]
    fn nobody_there_is_an_error_with_its_name() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let at = listener.local_addr().unwrap().to_string();
        drop(listener);
        let mut grpc = Grpc::new(&at, true, &Settings::default()).unwrap();
        let Answer::Later { why, .. } = grpc.export(&ExportLogsServiceRequest::default()) else { panic!() };
        assert_eq!(why.raw_os_error(), Some(111), "{why}");
    }

    #[test]
    fn a_receiver_that_hangs_holds_nobody_for_long() {
        // Connections are made by the kernel, and nobody accepts them.
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let settings = Settings { timeout: Duration::from_millis(200), ..Settings::default() };
        let mut grpc = Grpc::new(&at, false, &settings).unwrap();
        let answer = grpc.export(&ExportLogsServiceRequest::default());
        assert!(matches!(answer, Answer::Later { .. }), "{answer:?}");
    }
}
