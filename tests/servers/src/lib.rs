//! Real servers for tests and examples: started on free loopback ports, killed on drop.
