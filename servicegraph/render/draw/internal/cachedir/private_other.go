//go:build !unix

package cachedir

// variable is empty on systems where os.TempDir is private to the user (Windows), or where a
// machine has a single user.
const variable = ""

func private(string) bool { return false }
