//! The VFS on the browser's own storage: the conformance suite of its library, and a disk that fails.

use std::rc::Rc;

use crate::common::failing_disk::{Fault, OPERATIONS};
use crate::common::storage_failures::{FILE, Mode, expected_code, found, prepare, ways, work};
use lotwise::platform::opfs::Pool;
use lotwise::platform::vfs::disk::Disk;
use lotwise::platform::vfs::{Files, Parent, Store};
use rsqlite_vfs::{VfsAppData, test_suite};
use wasm_bindgen_test::wasm_bindgen_test;

/// At which calls an operation fails; natively at every one.
const CALLS: [u32; 4] = [0, 2, 7, 19];

/// The handles of a database, and they as a disk.
async fn opfs(name: &str) -> (Pool, Rc<Parent>) {
    let pool = Pool::open(name).await.expect("opens the pool");
    let disk = Parent::named(&format!("lotwise-opfs-{name}")).expect("is registered");
    (pool, Rc::new(disk))
}

#[wasm_bindgen_test]
async fn the_suite_of_the_library_passes() {
    let (pool, _) = opfs("suite").await;
    let disk = Parent::named("lotwise-opfs-suite").expect("is registered");
    test_suite::test_vfs_store::<Store>(VfsAppData::new(Files::new(Box::new(disk))))
        .expect("passes");
    pool.release().expect("releases");
}

#[wasm_bindgen_test]
async fn failures_of_storage_leave_commits_whole() {
    let (pool, disk) = opfs("failures").await;
    let mut happened = 0;
    for (number, (journal, synchronous)) in
        [("wal", "full"), ("wal", "normal"), ("delete", "full")].into_iter().enumerate()
    {
        let mode = Mode { journal, synchronous };
        for operation in OPERATIONS {
            for (call, how) in CALLS.into_iter().zip(ways(operation).iter().cycle()) {
                for file in [FILE, "live.db-wal", "live.db-journal"] {
                    if disk.exists(file).expect("looks") {
                        disk.delete(file, false).expect("deletes");
                    }
                }
                let fault = Fault { operation, call, how: *how };
                let vfs = |what: &str| format!("{what}-{number}-{operation:?}-{call}");
                prepare(disk.clone(), &vfs("prepare"), mode);
                let (run, did_happen) = work(disk.clone(), &vfs("work"), mode, fault);
                happened += u32::from(did_happen);
                let place = format!("{mode:?}, {fault:?}: {run:?}");
                assert!(run.codes.iter().all(|code| *code == expected_code(fault)), "{place}");
                let found = found(disk.clone(), &vfs("found"), mode);
                assert!(run.allows(&found), "{place}, found: {found:?}");
            }
        }
    }
    assert!(happened > 40, "{happened} faults came about");
    pool.release().expect("releases");
}
