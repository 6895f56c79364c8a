//! Every operation of the disk fails, at each of its calls: SQLite says so by the right code, and whoever opens
//! what a killed process or a loss of power leaves finds each acknowledged commit, whole, and nothing else.

use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::failing_disk::{Fault, OPERATIONS, VolatileDisk};
use crate::common::storage_failures::{Mode, expected_code, found, prepare, ways, work};
use crate::random::{Random, times};

/// VFS names are the process's.
fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("failures-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Fails each operation at every so many of its calls, until there are no more.
fn check(journal: &'static str, synchronous: &'static str, every: u32) {
    let mode = Mode { journal, synchronous };
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos() as u64;
    let mut random = Random::new(seed);
    let every = every.div_ceil(times(1) as u32);
    for operation in OPERATIONS {
        for how in ways(operation) {
            let mut call = random.below(u64::from(every)) as u32;
            loop {
                let fault = Fault { operation, call, how: *how };
                if !fails_well(mode, fault, &mut random) {
                    break;
                }
                call += every;
            }
        }
    }
}

/// True where the fault came about.
fn fails_well(mode: Mode, fault: Fault, random: &mut Random) -> bool {
    let disk = Rc::new(VolatileDisk::default());
    prepare(disk.clone(), &unique(), mode);
    let (run, happened) = work(disk.clone(), &unique(), mode, fault);
    let place = format!("{mode:?}, {fault:?}: {run:?}");
    assert!(run.codes.iter().all(|code| *code == expected_code(fault)), "{place}");
    let killed = found(Rc::new(disk.killed()), &unique(), mode);
    assert!(run.allows(&killed), "{place}, killed: {killed:?}");
    // With less, commits may be lost with the power; the database is sound all the same.
    let left = disk.without_power(&mut |end| random.below(end.max(1) as u64) as usize);
    let left = found(Rc::new(left), &unique(), mode);
    assert!(mode.synchronous != "full" || run.allows(&left), "{place}, without power: {left:?}");
    happened
}

#[test]
fn commits_to_the_log_hold_or_leave_no_trace() {
    check("wal", "full", 2);
}

#[test]
fn relaxed_commits_hold_while_there_is_power() {
    check("wal", "normal", 4);
}

#[test]
fn commits_by_journal_hold_or_leave_no_trace() {
    check("delete", "full", 6);
    check("truncate", "full", 12);
    check("persist", "full", 12);
}
