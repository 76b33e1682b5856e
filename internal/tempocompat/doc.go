// Package tempocompat proves that temposeries.Processor gives the series that Tempo writes.
// It holds tests only.
//
// The cases are the rows of the table "Tempo's processor, case by case", as they were
// observed on v2.9.0. The same spans, and those of real recordings, also go to a real
// Tempo, whose remote write is compared with the processor's series value by value.
package tempocompat
