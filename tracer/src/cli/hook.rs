//! `ctrace oci-hook`: what runtimes call, and what prints how to have it called.

use std::time::Duration;

use clap::Args;

use super::interval;

const EXAMPLES: &str = "\
Examples:
  sudo sh -c 'ctrace oci-hook --print-hooks > /etc/containers/oci/hooks.d/ctrace.json'
  sudo podman --hooks-dir /etc/containers/oci/hooks.d run --rm \\
      --annotation io.containers.trace-syscall=of:/var/tmp/web.json IMAGE
                                                 a profile of what IMAGE calls, in /var/tmp/web.json
  .. --annotation 'io.containers.trace-syscall=if:/var/tmp/web.json;of:/var/tmp/more.json' IMAGE
                                                 that profile, and what IMAGE calls now";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct OciHookArgs {
    /// Print the file for a hooks.d directory of podman or CRI-O that has this ctrace called, and end
    #[arg(long)]
    pub print_hooks: bool,
    /// After this time a container is not started, or the profile of one that ended is not waited for any longer
    #[arg(long, value_name = "D", default_value = "30s", value_parser = interval)]
    pub timeout: Duration,
}
