//! The live table on a real terminal.

use rustix::process::{Pid, test_kill_process};

use crate::support::ctrace::{programs_of, wait_unloaded};
use crate::support::engine::{Container, Kind, Launch};
use crate::support::screen::Screen;
use crate::support::wait::until;

fn live(columns: u16, rows: u16) {
    let engine = Kind::Runc.engine();
    let container = Container::new(&*engine).start(&Launch::new(&["pulse"]));
    let screen = Screen::new(columns, rows);
    let before = screen.state();
    // Whatever else runs here must not push it out of the table. The word is in the footer.
    screen.type_line(&format!("{} top --filter id={}", env!("CARGO_BIN_EXE_ctrace"), container.name));
    // Narrow tables cut long names.
    let beginning: String = container.name.chars().take(12).collect();
    screen.wait_for("quit");
    // Its row: the filter in the header has the name, too.
    screen.wait_for(&format!(">  {beginning}"));
    screen.key("Enter");
    screen.wait_for("getppid");
    screen.key("q");
    until("the shell's screen", || screen.text().contains("ready$").then_some(()));
    assert_eq!(screen.state(), before, "the terminal is as it was");
}

#[test]
#[ignore = "needs root, BTF, tmux, runc, gcc, busybox"]
fn small() {
    live(80, 24);
}

#[test]
#[ignore = "needs root, BTF, tmux, runc, gcc, busybox"]
fn large() {
    live(200, 50);
}

#[test]
#[ignore = "needs root, BTF, tmux, runc, gcc, busybox"]
fn a_session() {
    let engine = Kind::Runc.engine();
    let container = Container::new(&*engine).start(&Launch::new(&["pulse"]));
    let screen = Screen::new(100, 30);
    let before = screen.state();
    screen.type_line(&format!("{} top --filter id={}", env!("CARGO_BIN_EXE_ctrace"), container.name));
    let beginning: String = container.name.chars().take(12).collect();
    screen.wait_for(&format!(">  {beginning}"));
    until("the mouse to be taken", || screen.has_mouse().then_some(()));

    // To the calls of it, and to those of one name.
    screen.key("Enter");
    screen.wait_for("getppid");
    screen.wait_for("system calls: all containers > ");
    screen.type_text("!");
    until("the mark of the order at the first column", || {
        let text = screen.text();
        let titles = text.lines().find(|line| line.contains("SYSCALL"))?;
        titles.split("SYSCALL").nth(1)?.chars().next().filter(|mark| *mark != ' ')
    });
    screen.type_text("/nothing-like-this");
    screen.wait_for("nothing matches the filter");
    screen.key("C-u");
    screen.type_line("getppid");
    screen.wait_for("filter: getppid");
    screen.wait_for(">  getppid");
    screen.key("Escape");
    until("the filter to be gone", || (!screen.text().contains("filter: ")).then_some(()));

    // Its events, one of them in full, and back.
    screen.type_text("8");
    screen.wait_for("getppid()");
    screen.key("Enter");
    screen.wait_for("\"name\": \"syscall\"");
    screen.key("Escape");
    screen.wait_for("looking for ");
    screen.type_text("4");
    screen.wait_for("processes: all containers > ");
    screen.wait_for("pulse ");

    // Time.
    screen.type_text("p");
    screen.wait_for("PAUSED");
    screen.type_text("t");
    until("a sample before", || {
        let text = screen.text();
        let behind = text.split("PAUSED ").nth(1)?.split(" ago").next()?.to_owned();
        (behind != "0:00").then_some(())
    });
    screen.type_text("n");
    screen.wait_for("LIVE");

    screen.resize(60, 12);
    // A narrow screen cuts where one is: what ctrace itself costs stays.
    screen.wait_for("processes: all co");
    screen.wait_for("ring ");
    screen.type_text("m");
    until("the mouse to be left alone", || (!screen.has_mouse()).then_some(()));
    screen.type_text(":");
    screen.type_line("quit");
    until("the shell's screen", || screen.text().contains("ready$").then_some(()));
    assert_eq!(screen.state(), before, "the terminal is as it was");
}

#[test]
#[ignore = "needs root, BTF, tmux"]
fn a_closed_terminal_ends_it() {
    let screen = Screen::new(80, 24);
    screen.type_line(&format!("{} top", env!("CARGO_BIN_EXE_ctrace")));
    let pid = screen.child("ctrace");
    let programs = until("the programs", || {
        let programs = programs_of(pid);
        (programs.len() > 1).then_some(programs)
    });
    screen.close();
    let task = i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap();
    until("the end of ctrace after its terminal", || test_kill_process(task).is_err().then_some(()));
    wait_unloaded(&programs);
}
