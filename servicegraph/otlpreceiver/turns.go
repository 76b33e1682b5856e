package otlpreceiver

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// turns limits how many requests are handled at the same time to the capacity of the channel.
type turns chan struct{}

// run waits for a turn and calls handle. It returns errBusy if the wait takes too long.
func (t turns) run(ctx context.Context, handle func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case t <- struct{}{}:
		defer func() { <-t }()
		return handle()
	case <-ctx.Done():
		return errBusy
	}
}

// decompressBytes is how many bytes decompressing takes in addition to its result.
const decompressBytes = 48 << 10

// A request that was compressed to less than a hundredth is not a usual request, whose random span
// ids alone would be longer. The first denseBytes of a request show whether it is dense.
const (
	denseBytes = 16 << 10
	denseRatio = 100
)

// errDense says that a request is compressed more than denseRatio times.
var errDense = errors.New("a dense request")

// takeCompressed decompresses a request that has arrived, and passes it on. A few kB may become 16
// MB, so a request first has a turn among the small requests. It takes no room in such a turn,
// because the number of turns bounds the memory. If it turns out to be dense or large,
// decompression begins again in a turn among the dense or large requests. While the request waits
// for that turn, it holds only its compressed bytes, and usual requests do not wait for it.
func (r *Receiver) takeCompressed(ctx context.Context, room *room, compressed []byte, decompress func(io.Reader) (io.Reader, error), take func([]byte) error) error {
	try := func(limit int, dense error, grow func(bytes int) error) (whole bool, err error) {
		rest := bytes.NewReader(compressed)
		from, err := decompress(rest)
		if err != nil {
			return false, errReading(err)
		}
		data, whole, err := read(make([]byte, 0, firstBytes), from, denseBytes, grow)
		if err == nil && !whole {
			if len(data) > denseRatio*(len(compressed)-rest.Len()) && dense != nil {
				return false, dense
			}
			data, whole, err = read(data, from, limit, grow)
		}
		if err != nil || !whole {
			return whole, err
		}
		return true, take(data)
	}
	free := func(int) error { return nil }
	whole := false
	err := r.small.run(ctx, func() (err error) {
		whole, err = try(largeRequest, errDense, free)
		return err
	})
	if errors.Is(err, errDense) {
		err = r.dense.run(ctx, func() (err error) {
			whole, err = try(largeRequest, nil, free)
			return err
		})
	}
	if err != nil || whole {
		return err
	}
	return r.large.run(ctx, func() error {
		grow := func(bytes int) error { return room.grow(ctx, bytes) }
		if err := grow(decompressBytes + firstBytes); err != nil {
			return err
		}
		whole, err := try(MaxRequest, nil, grow)
		if err == nil && !whole {
			return errTooManyBytes()
		}
		return err
	})
}
