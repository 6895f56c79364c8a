//! Locks between the connections of one thread: those of a database file, and those of its WAL index.
//! Nothing ever waits: what is taken is refused at once.

use rsqlite_vfs::LockLevel;

/// Locks of a WAL index, as SQLite numbers them.
pub const SLOTS: usize = 8;

/// The locks on a database file. Who holds which level, the connections know themselves.
#[derive(Debug, Default)]
pub struct FileLocks {
    /// Connections that hold at least a shared lock.
    shared: usize,
    /// The one that holds more than a shared lock, and what.
    writer: Option<(u32, LockLevel)>,
}

impl FileLocks {
    /// Raises `held` to `wanted` where that is free. A refused exclusive lock may leave a pending one.
    pub fn lock(&mut self, owner: u32, held: &mut LockLevel, wanted: LockLevel) -> bool {
        if *held >= wanted {
            return true;
        }
        let other = self.writer.filter(|(id, _)| *id != owner).map(|(_, level)| level);
        if wanted == LockLevel::Shared {
            if other.is_some_and(|level| level >= LockLevel::Pending) {
                return false;
            }
            self.shared += 1;
            *held = LockLevel::Shared;
            return true;
        }
        if other.is_some() {
            return false;
        }
        let others_read = self.shared - usize::from(*held >= LockLevel::Shared) > 0;
        let free = wanted < LockLevel::Exclusive || !others_read;
        let level = if free { wanted } else { LockLevel::Pending };
        self.shared += usize::from(*held == LockLevel::None);
        *held = level;
        self.writer = Some((owner, level));
        free
    }

    /// Lowers `held` to `wanted`.
    pub fn unlock(&mut self, owner: u32, held: &mut LockLevel, wanted: LockLevel) {
        if *held <= wanted {
            return;
        }
        if self.writer.is_some_and(|(id, _)| id == owner) {
            self.writer = None;
        }
        self.shared -= usize::from(wanted == LockLevel::None);
        *held = wanted;
    }

    /// Whether somebody means to write.
    pub const fn is_reserved(&self) -> bool {
        self.writer.is_some()
    }
}

/// The locks on a WAL index.
#[derive(Debug, Default)]
pub struct IndexLocks {
    slots: [Slot; SLOTS],
}

#[derive(Debug, Default, Clone, Copy)]
struct Slot {
    readers: u32,
    writer: bool,
}

/// Which of them a connection holds, a bit for each.
#[derive(Debug, Default, Clone, Copy)]
pub struct Held {
    shared: u8,
    exclusive: u8,
}

impl IndexLocks {
    /// Takes slots, all or none.
    pub fn lock(&mut self, held: &mut Held, first: usize, count: usize, exclusive: bool) -> bool {
        let wanted = mask(first, count);
        let free = (first..first + count).all(|i| {
            let Slot { readers, writer } = self.slots[i];
            let own = u32::from(held.shared >> i & 1);
            let owns_it = held.exclusive >> i & 1 == 1;
            owns_it || (!writer && (!exclusive || readers == own))
        });
        if !free {
            return false;
        }
        for i in first..first + count {
            let bit = 1 << i;
            if exclusive {
                self.slots[i].writer = true;
            } else if held.shared & bit == 0 {
                self.slots[i].readers += 1;
            }
        }
        *(if exclusive { &mut held.exclusive } else { &mut held.shared }) |= wanted;
        true
    }

    /// Gives slots back that are held.
    pub fn unlock(&mut self, held: &mut Held, first: usize, count: usize, exclusive: bool) {
        for i in first..first + count {
            let bit = 1 << i;
            if exclusive && held.exclusive & bit != 0 {
                self.slots[i].writer = false;
                held.exclusive &= !bit;
            } else if !exclusive && held.shared & bit != 0 {
                self.slots[i].readers -= 1;
                held.shared &= !bit;
            }
        }
    }

    /// Gives back all that a connection holds.
    pub fn release(&mut self, held: &mut Held) {
        self.unlock(held, 0, SLOTS, true);
        self.unlock(held, 0, SLOTS, false);
    }
}

fn mask(first: usize, count: usize) -> u8 {
    (first..first + count).fold(0, |mask, i| mask | 1 << i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writes_while_others_read_and_none_while_one_is_alone() {
        let mut locks = FileLocks::default();
        let (mut a, mut b) = (LockLevel::None, LockLevel::None);
        assert!(locks.lock(1, &mut a, LockLevel::Shared));
        assert!(locks.lock(2, &mut b, LockLevel::Shared));
        assert!(locks.lock(1, &mut a, LockLevel::Reserved));
        assert!(!locks.lock(2, &mut b, LockLevel::Reserved), "one writer");
        assert!(!locks.lock(1, &mut a, LockLevel::Exclusive), "a reader is there");
        let mut c = LockLevel::None;
        assert!(!locks.lock(3, &mut c, LockLevel::Shared), "a pending lock keeps new readers out");
        locks.unlock(2, &mut b, LockLevel::None);
        assert!(locks.lock(1, &mut a, LockLevel::Exclusive));
        locks.unlock(1, &mut a, LockLevel::Shared);
        assert!(!locks.is_reserved());
        assert!(locks.lock(3, &mut c, LockLevel::Shared));
    }

    #[test]
    fn index_locks_are_shared_or_exclusive() {
        let mut locks = IndexLocks::default();
        let (mut a, mut b) = (Held::default(), Held::default());
        assert!(locks.lock(&mut a, 3, 1, false));
        assert!(locks.lock(&mut b, 3, 1, false));
        assert!(!locks.lock(&mut b, 3, 1, true), "another one reads");
        assert!(!locks.lock(&mut b, 2, 3, true), "all or none");
        assert!(locks.lock(&mut b, 4, 1, true), "nothing of the refused call is left");
        assert!(!locks.lock(&mut a, 4, 1, false));
        locks.release(&mut a);
        assert!(locks.lock(&mut b, 3, 1, true), "its own shared lock is no hindrance");
        locks.release(&mut b);
        assert!(locks.lock(&mut a, 0, SLOTS, true));
    }
}
