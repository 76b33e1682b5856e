// Package jsontext reads JSON text fast, for readers that know which objects to expect.
//
//   - A [Cursor] reads the text of one value, without allocating.
//   - A [Stream] splits an input into its JSON objects, and goes on after an object that
//     is malformed.
//   - A [ListStream] does the same for objects that are elements of lists.
//   - A [Splitter] cuts an input of JSON objects into segments, which several streams can
//     read side by side.
//
// The package does not interpret the objects.
package jsontext

// Blanks are the bytes that may stand between two JSON values of an input: white space,
// and the bytes of a byte order mark.
const Blanks = " \t\r\n" + byteOrderMark

const byteOrderMark = "\xef\xbb\xbf"
