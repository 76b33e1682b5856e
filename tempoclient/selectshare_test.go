package tempoclient

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// matches reports whether Tempo finds a trace with the filter of a share. Tempo compares the id
// without leading zeros.
func (s share) matches(id string) bool {
	if s == everything {
		return true
	}
	pattern := strings.TrimSuffix(strings.TrimPrefix(s.filter(), `{trace:id =~ "`), `"}`)
	return regexp.MustCompile("^(?:" + pattern + ")$").MatchString(strings.TrimLeft(id, "0"))
}

// TestShares: each id lies in exactly one share, and in exactly one half of that share.
func TestShares(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, most := range []float64{5, 1, 0.99, 0.5, 0.4, 0.3, 0.1, 0.01, 0} {
		list := shares(most)
		for range 100 {
			id := fmt.Sprintf("%032x", random.Uint64())
			var in []share
			for _, s := range list {
				if s.matches(id) {
					in = append(in, s)
				}
			}
			if len(in) != 1 {
				t.Fatalf("at most %v: %s is in %v of %v", most, id, in, list)
			}
			for s, halvings := in[0], 0; halvings < maxHalvings; halvings++ {
				low, high := s.halves()
				if low.matches(id) == high.matches(id) || max(len(low.filter()), len(high.filter())) > maxFilter-len(mostRecent) {
					t.Fatalf("%s is in %s: %t, in %s: %t", id, low.filter(), low.matches(id), high.filter(), high.matches(id))
				}
				if s = low; high.matches(id) {
					s = high
				}
			}
		}
		if most < 1 && most > 0.1 {
			for _, s := range list {
				if float64(len(s.digits)) > most*16 {
					t.Errorf("at most %v: %v", most, s)
				}
			}
		}
	}
}
