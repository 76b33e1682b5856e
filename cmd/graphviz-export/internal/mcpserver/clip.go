package mcpserver

import "strings"

// mostItems is the largest number of items in a list of an answer, and defaultItems the number
// if the argument limit is absent.
const (
	mostItems    = 200
	defaultItems = 50
)

// clipped returns the first items of a list, as a list that is never nil, and adds the number of
// the other items to leftOut.
func clipped[T any](list []T, limit int, leftOut *int) []T {
	if limit <= 0 {
		limit = defaultItems
	}
	limit = min(limit, mostItems)
	if len(list) > limit {
		*leftOut += len(list) - limit
		list = list[:limit]
	}
	return append([]T{}, list...)
}

// longestText is the largest size of a text in an answer, in bytes.
const longestText = 2 << 10

// clippedTexts is like clipped, for texts. It also cuts each text to longestText.
func clippedTexts(list []string, limit int, leftOut *int) []string {
	list = clipped(list, limit, leftOut)
	for i, text := range list {
		if len(text) > longestText {
			list[i] = strings.ToValidUTF8(text[:longestText], "") + "…"
		}
	}
	return list
}
