package main

// closest returns the candidate that a mistyped word most likely means: the one
// with the fewest letters wrong, at most a third of them; "" if there is none.
func closest(word string, candidates []string) string {
	best, fewest := "", max(len(word)/3, 1)+1
	for _, c := range candidates {
		if d := typos(word, c); d < fewest {
			best, fewest = c, d
		}
	}
	return best
}

// typos counts the letters to insert, delete, replace or swap with their
// neighbour to turn a into b (optimal string alignment).
func typos(a, b string) int {
	var before []int // the row before last
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
