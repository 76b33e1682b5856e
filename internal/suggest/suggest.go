// Package suggest finds the name that a user probably meant by a mistyped word. The command, the
// rules of graphtest and the names of formats use it, so that all of them accept the same mistakes
// and ask with the same words.
package suggest

import "strings"

// DidYouMean returns ": did you mean NAME?" with the candidate that is [Nearest] to word,
// or "" if no candidate is near. It is for the end of an error message.
func DidYouMean(word string, candidates []string) string {
	name := Nearest(word, candidates)
	if name == "" {
		return ""
	}
	return Question(name)
}

// Question returns ": did you mean NAME?", for a caller that knows the name.
func Question(name string) string { return ": did you mean " + name + "?" }

// Nearest returns the candidate that a user probably meant by word: the one with the fewest typing
// mistakes, ignoring case, and the first of several such candidates. At most a third of the letters
// of word may be mistakes, but one mistake is always allowed. Nearest returns "" if no candidate is
// near enough, or if word is itself a candidate and therefore not mistyped.
func Nearest(word string, candidates []string) string {
	letters := []rune(strings.ToLower(word))
	nearest, fewest := "", max(len(letters)/3, 1)+1
	for _, c := range candidates {
		if c == word {
			return ""
		}
		other := []rune(strings.ToLower(c))
		if len(other)-len(letters) >= fewest || len(letters)-len(other) >= fewest {
			continue // each missing letter is a mistake
		}
		if n := mistakes(letters, other); n < fewest {
			nearest, fewest = c, n
		}
	}
	return nearest
}

// mistakes counts the letters to insert, delete, replace or swap with their neighbor to
// turn a into b: the optimal string alignment distance.
func mistakes(a, b []rune) int {
	var beforeLast []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := 1
			if a[i-1] == b[j-1] {
				replaced = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], beforeLast[j-2]+1)
			}
		}
		beforeLast, last = last, row
	}
	return last[len(b)]
}
