//! What a receiver of OTLP says of a request, the same for each transport.

use std::io;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;

/// Of what a receiver says about a failure, for a line on stderr.
const SAID: usize = 200;

/// What became of a request.
#[derive(Debug)]
pub enum Answer {
    /// It was taken, but for that many of its records, and why these were not.
    Taken { rejected: u64, why: String },
    /// Not now, or nobody is there. `after`: when to ask again, if the receiver said so.
    Later { after: Option<Duration>, why: io::Error },
    /// Not this one, however often it is asked.
    Never(io::Error),
}

impl From<ExportLogsServiceResponse> for Answer {
    fn from(response: ExportLogsServiceResponse) -> Self {
        let partial = response.partial_success.unwrap_or_default();
        let rejected = u64::try_from(partial.rejected_log_records).unwrap_or_default();
        Self::Taken { rejected, why: said(&partial.error_message) }
    }
}

/// The error model of Google's interfaces, which OTLP uses by both transports.
/// <https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto>
#[derive(Clone, PartialEq, prost::Message)]
pub struct Status {
    #[prost(string, tag = "2")]
    pub message: String,
    #[cfg(feature = "otlp-grpc")]
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[cfg(feature = "otlp-grpc")]
#[derive(Clone, PartialEq, prost::Message)]
pub struct Detail {
    #[prost(string, tag = "1")]
    pub type_url: String,
    #[prost(bytes, tag = "2")]
    pub value: Vec<u8>,
}

/// What others said, short and harmless on a terminal.
pub fn said(text: &str) -> String {
    text.trim().chars().take(SAID).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_are_short_and_harmless() {
        assert_eq!(said(" no\u{1b}[2J\n"), r"no\u{1b}[2J");
        assert_eq!(said(&"x".repeat(1000)).len(), SAID);
    }
}
