//go:build race

package main

// instrumented is true if the race detector instruments the program, which then takes several
// times as much memory.
const instrumented = true
