package histogram

import "math/bits"

const (
	subBits    = 6            // 64 buckets in each power of two
	subBuckets = 1 << subBits // the first 2*subBuckets buckets hold one value each
)

// Bucket returns the bucket that holds a value of at least 0.
func Bucket(v int64) int {
	if v < 2*subBuckets {
		return int(v)
	}
	shift := bits.Len64(uint64(v)) - (subBits + 1)
	return shift*subBuckets + int(v>>shift)
}

// Bounds returns the smallest value in bucket b, and how many values the bucket spans.
func Bounds(b int) (low, width int64) {
	if b < 2*subBuckets {
		return int64(b), 1
	}
	shift := b/subBuckets - 1
	return int64(b-shift*subBuckets) << shift, 1 << shift
}

// Middle returns the value that stands for bucket b. It is at most 1/128 away from every
// value in the bucket.
func Middle(b int) int64 {
	low, width := Bounds(b)
	return low + (width-1)/2
}
