// Package idhash hashes the ids of traces and spans with a seed. Ids are usually random, but an
// attacker could choose ids whose hashes without a seed collide.
package idhash

import (
	"math/bits"
	"math/rand/v2"
)

// A Seed makes hashes of ids unpredictable.
type Seed struct{ a, b uint64 }

// NewSeed returns a random seed.
func NewSeed() Seed { return Seed{rand.Uint64(), rand.Uint64()} }

// Hash returns a hash of 16 bytes of identity.
func (s Seed) Hash(high, low uint64) uint64 {
	high, low = bits.Mul64(high^s.a, low^s.b)
	return high ^ low
}
