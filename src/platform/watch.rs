//! Watches statements while they run, for those who cannot wait for their end: a caller may give up, or want
//! to know how far it is. Knows neither what runs nor how its caller is reached.

use std::cell::{Cell, RefCell};

/// Asked every [`STEPS_BETWEEN_LOOKS`] steps of SQLite's virtual machine; true ends the statement.
pub type Look = Box<dyn FnMut() -> bool>;

/// Costs nothing measurable, and is well below a millisecond.
pub const STEPS_BETWEEN_LOOKS: i32 = 1_000;

thread_local! {
    static LOOK: RefCell<Option<Look>> = const { RefCell::new(None) };
    static GIVEN_UP: Cell<bool> = const { Cell::new(false) };
}

/// Lets `look` watch every statement of this thread while `work` runs.
pub fn during<T>(look: Option<Look>, work: impl FnOnce() -> T) -> T {
    LOOK.replace(look);
    GIVEN_UP.set(false);
    let result = work();
    LOOK.replace(None);
    result
}

/// Whether the statement is to end.
pub fn is_given_up() -> bool {
    let given_up = LOOK.with_borrow_mut(|look| look.as_mut().is_some_and(|look| look()));
    GIVEN_UP.set(GIVEN_UP.get() || given_up);
    given_up
}

/// Whether one has been ended, since the watch began.
pub fn was_given_up() -> bool {
    GIVEN_UP.get()
}
