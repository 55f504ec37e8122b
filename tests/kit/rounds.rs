//! Rounds of chance that can be repeated: each has a seed, and one that fails says how to run it alone.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// The variable that names the one seed to run.
const ALONE: &str = "USHER_SEED";

/// Chance, the same for the same seed.
pub type Dice = StdRng;

/// Runs `round` with the seeds 1 to `count`, one after the other, until one says that it is enough;
/// or only with the seed in `USHER_SEED`.
pub fn rounds(count: u64, mut round: impl FnMut(u64, Dice)) {
    let seeds = match std::env::var(ALONE) {
        Ok(seed) => {
            vec![seed.parse().unwrap_or_else(|_| panic!("{ALONE} is a number, not {seed}"))]
        }
        Err(_) => (1..=count).collect(),
    };
    for seed in seeds {
        let _told = Told(seed);
        round(seed, StdRng::seed_from_u64(seed));
    }
}

struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let test = std::thread::current();
            eprintln!(
                "The round of seed {seed} failed. Alone: {ALONE}={seed} cargo nextest run -p usher-tests \
                 --run-ignored all -E 'test(={test})'",
                seed = self.0,
                test = test.name().unwrap_or("?"),
            );
        }
    }
}
