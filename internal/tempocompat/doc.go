// Package tempocompat proves that temposeries.Processor writes the same series as Tempo.
// The package holds only tests.
//
// The cases are the rows of the table "Tempo's processor, case by case", as observed
// on v2.9.0. The tests also send the spans of the cases, and of real recordings, to a
// real Tempo, and compare its remote write with the processor's series value by value.
package tempocompat
