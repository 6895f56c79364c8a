//! The port's conformance suite on a file and in memory.

use crate::common::port_suite;
use lotwise::model::config::Config;
use lotwise::platform::sqlite::SqlitePort;
use lotwise::storage::port::SqlPort;

mod on_a_file {
    use super::*;

    macro_rules! case {
        ($name:ident) => {
            #[test]
            fn $name() {
                let directory = tempfile::tempdir().expect("a directory");
                let mut port =
                    SqlitePort::open_file(&directory.path().join("live.db")).expect("opens");
                port.configure(&Config::default()).expect("configures");
                port_suite::$name(&mut port);
            }
        };
    }
    crate::for_each_port_case!(case);
}

mod in_memory {
    use super::*;

    macro_rules! case {
        ($name:ident) => {
            #[test]
            fn $name() {
                let mut port = SqlitePort::open_memory("test").expect("opens");
                port.configure(&Config::default()).expect("configures");
                port_suite::$name(&mut port);
            }
        };
    }
    crate::for_each_port_case!(case);
}

#[test]
fn settings_are_read_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut port = SqlitePort::open_file(&directory.path().join("live.db")).expect("opens");
    port.configure(&Config::default()).expect("configures");
    let settings = port.settings().expect("reads");
    assert_eq!(settings.journal_mode, "wal");
    assert_eq!(settings.synchronous, "full");
    assert_eq!(settings.page_bytes, 8192);
    assert_eq!(settings.page_cache_bytes, 64 * 1024 * 1024);
}
