//! What the data is: values, datasets, queries, calendar, and the batches that cross the boundary.
//! Plain data. Knows no SQL, no host, no clock.

pub mod batch;
pub mod calendar;
pub mod config;
pub mod dataset;
pub mod json;
pub mod node;
pub mod numbering;
pub mod plant;
pub mod presets;
pub mod query;
pub mod range;
pub mod stored;
pub mod value;
pub mod zone;
