//! The fuzz targets with a stable compiler: what was found before (`fuzz/corpus`), and inputs from a seed.
//! `npm run fuzz -- <target>` runs libFuzzer on them.

#[path = "../../fuzz/targets/mod.rs"]
pub mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::random::{Random, times};

/// For each target.
const RANDOM_INPUTS_MS: u64 = 1_500;
const INPUT_BYTES_MAX: u64 = 400;

fn random_bytes(random: &mut Random) -> Vec<u8> {
    (0..random.below(INPUT_BYTES_MAX)).map(|_| random.next() as u8).collect()
}

/// One of the inputs, a little changed.
fn changed(random: &mut Random, known: &[Vec<u8>]) -> Vec<u8> {
    let mut below = |end: usize| random.below(end as u64) as usize;
    let mut bytes = known[below(known.len())].clone();
    for _ in 0..=below(4) {
        let at = below(bytes.len() + 1);
        match below(5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            1 if at < bytes.len() => bytes[at] = below(256) as u8,
            2 => bytes.insert(at, below(256) as u8),
            3 => bytes.truncate(at.max(bytes.len() / 2)),
            _ => {
                let end = (at + below(8)).min(bytes.len());
                let other = &known[below(known.len())];
                let from = below(other.len() + 1);
                let piece = other[from..(from + below(16)).min(other.len())].to_vec();
                bytes.splice(at..end, piece);
            }
        }
    }
    bytes
}

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let entries = std::fs::read_dir(folder).expect("a corpus");
    let mut inputs: Vec<_> = entries
        .flatten()
        .map(|entry| (entry.path(), std::fs::read(entry.path()).expect("reads")))
        .collect();
    inputs.sort();
    inputs
}

fn check(name: &str) {
    let (_, target) = targets::ALL.iter().find(|(known, _)| *known == name).expect("a target");
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "no corpus for {name}");
    for (path, bytes) in &corpus {
        let sound = catch_unwind(AssertUnwindSafe(|| target(bytes))).is_ok();
        assert!(sound, "{} of the corpus", path.display());
    }
    let seed = std::env::var("LOTWISE_SEED").ok().and_then(|seed| seed.parse().ok());
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    let seed = seed.unwrap_or(since_1970.as_nanos() as u64);
    let mut random = Random::new(seed);
    let known: Vec<Vec<u8>> = corpus.into_iter().map(|(_, bytes)| bytes).collect();
    let ends = Instant::now() + Duration::from_millis(times(RANDOM_INPUTS_MS));
    let mut count = 0;
    while Instant::now() < ends {
        let bytes =
            if count % 2 == 0 { changed(&mut random, &known) } else { random_bytes(&mut random) };
        let sound = catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_ok();
        assert!(sound, "LOTWISE_SEED={seed}, input {count}: {bytes:?}");
        count += 1;
    }
    println!("{name}: {} inputs of the corpus, {count} from seed {seed}", known.len());
}

macro_rules! target {
    ($test:ident, $name:literal) => {
        #[test]
        fn $test() {
            check($name);
        }
    };
}

target!(batches_are_read_or_refused, "batch");
target!(cursors_are_taken_or_refused, "cursor");
target!(definitions_are_kept_or_refused, "definition");
target!(sqlite_files_are_read_or_refused, "import_sqlite");
target!(text_files_are_read_or_refused, "import_text");
target!(files_are_described_or_refused, "inspect");
target!(json_is_read_as_others_read_it, "json");
target!(what_is_proposed_for_a_table_takes_it, "proposal");
target!(queries_are_answered_or_refused, "query");
target!(segments_are_read_or_refused, "segment");

#[test]
fn every_target_is_here() {
    let here = include_str!("fuzz.rs");
    for (name, _) in targets::ALL {
        assert!(here.contains(&format!("\"{name}\")")), "{name} has no test");
        let entry =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(entry.exists(), "{} is missing", entry.display());
    }
}
