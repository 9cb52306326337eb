package cli

// nearest returns the candidate that s is most likely a misspelling of, or "".
func nearest(s string, candidates []string) string {
	best, at := "", 3
	if len(s) < 5 {
		at = 2
	}
	for _, c := range candidates {
		if d := distance(s, c); d <= at && d < len(c) && (d < at || best == "") {
			best, at = c, d
		}
	}
	return best
}

// distance counts the single-letter edits between two words, a swap of neighbours being one.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
