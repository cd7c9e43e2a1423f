//! A terminal of a given size with a shell in it.

use std::fs;

use tempfile::TempDir;

use super::process::{program, run};
use super::unique;
use super::wait::until;

/// A tmux server of its own; killed when dropped.
pub struct Screen {
    socket: String,
    folder: TempDir,
}

impl Screen {
    pub fn new(columns: u16, rows: u16) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let screen = Self { socket: unique("screen"), folder };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        screen.tmux(&["new-session", "-d", "-x", &columns, "-y", &rows, "env PS1='ready$ ' sh"]);
        screen.wait_for("ready$");
        screen
    }

    fn tmux(&self, words: &[&str]) -> String {
        run(program("tmux").args(["-L", &self.socket, "-f", "/dev/null"]).args(words)).expect(0).stdout
    }

    pub fn type_text(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Types text, then Enter.
    pub fn type_line(&self, text: &str) {
        self.type_text(text);
        self.key("Enter");
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux(&["resize-window", "-x", &columns, "-y", &rows]);
    }

    /// Whether the program in it has asked for the mouse.
    pub fn has_mouse(&self) -> bool {
        self.tmux(&["display-message", "-p", "#{mouse_any_flag}"]).trim() == "1"
    }

    /// Presses a key, named as tmux names it.
    pub fn key(&self, name: &str) {
        self.tmux(&["send-keys", name]);
    }

    pub fn text(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    pub fn wait_for(&self, text: &str) -> String {
        let mut last = String::new();
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(&format!("`{text}` on the screen"), || {
                last = self.text();
                last.contains(text).then(|| last.clone())
            })
        }));
        found.unwrap_or_else(|_| panic!("`{text}` does not appear on the screen:\n{last}"))
    }

    /// What a program must leave as it was: the alternate screen, the cursor, and the line discipline.
    pub fn state(&self) -> String {
        let file = self.folder.path().join(unique("stty"));
        self.type_line(&format!("stty -g > {0}.new; mv {0}.new {0}", file.display()));
        let modes = until("the terminal's modes", || fs::read_to_string(&file).ok());
        let flags = "#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_cursor_flag}";
        format!("{}{}", self.tmux(&["display-message", "-p", flags]), modes)
    }

    /// Closes the terminal under whatever runs in it.
    pub fn close(&self) {
        self.tmux(&["kill-server"]);
    }

    /// Pid of a descendant of the shell, by its name.
    pub fn child(&self, comm: &str) -> u32 {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]).trim().to_owned();
        until(&format!("a process {comm} under the shell"), || {
            let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).ok()?;
            children.split_whitespace().find_map(|pid| {
                let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
                (name.trim() == comm).then(|| pid.parse().ok())?
            })
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = run(program("tmux").args(["-L", &self.socket, "kill-server"]));
    }
}
