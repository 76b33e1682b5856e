// Package tempocompat tests that temposeries.Processor writes the same series as Tempo. The package
// has only tests.
//
// The test cases are the rows of the table "Tempo's processor, case by case" in docs/semantics.md,
// as observed with Tempo v2.9.0. The tests also send the spans of the cases, and of real
// recordings, to a real Tempo, and compare its remote write with the processor's series value by
// value.
package tempocompat
