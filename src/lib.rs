//! lotwise: SQLite for production records, in the browser and at the edge.
