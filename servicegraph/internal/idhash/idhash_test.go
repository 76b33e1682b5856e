package idhash

import "testing"

// Ids that differ in one bit have different hashes, and another seed gives other hashes.
func TestHash(t *testing.T) {
	seed, other := Seed{0x9e3779b97f4a7c15, 0xbf58476d1ce4e5b9}, Seed{0x94d049bb133111eb, 0xd6e8feb86659fd93}
	seen := map[uint64]bool{seed.Hash(1, 2): true, other.Hash(1, 2): true}
	for bit := range 64 {
		seen[seed.Hash(1^1<<bit, 2)] = true
		seen[seed.Hash(1, 2^1<<bit)] = true
	}
	if want := 2 + 2*64; len(seen) != want {
		t.Errorf("%d different hashes, want %d", len(seen), want)
	}
	if NewSeed() == NewSeed() {
		t.Error("two random seeds are the same")
	}
}
