package otlpreceiver

import (
	"bytes"
	"context"
	"io"
)

// turns let as many requests be handled at a time as the channel has room for.
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

// decompressBytes is what decompressing takes beside its result.
const decompressBytes = 48 << 10

// takeCompressed decompresses a request that has arrived, and passes it on. A few kB may become
// 16 MB, so a request has a turn among the small ones until it turns out to be large. There it takes
// no room, because the number of turns bounds the memory. A large request begins again in a turn
// of its own, so that it holds only its compressed bytes while it waits.
func (r *Receiver) takeCompressed(ctx context.Context, room *room, compressed []byte, decompress func(io.Reader) (io.Reader, error), take func([]byte) error) error {
	try := func(limit int, grow func(bytes int) error) (whole bool, err error) {
		from, err := decompress(bytes.NewReader(compressed))
		if err != nil {
			return false, errReading(err)
		}
		data, whole, err := read(make([]byte, 0, firstBytes), from, limit, grow)
		if err != nil || !whole {
			return whole, err
		}
		return true, take(data)
	}
	whole := false
	err := r.small.run(ctx, func() (err error) {
		whole, err = try(largeRequest, func(int) error { return nil })
		return err
	})
	if err != nil || whole {
		return err
	}
	return r.large.run(ctx, func() error {
		grow := func(bytes int) error { return room.grow(ctx, bytes) }
		if err := grow(decompressBytes + firstBytes); err != nil {
			return err
		}
		whole, err := try(MaxRequest, grow)
		if err == nil && !whole {
			return errTooManyBytes()
		}
		return err
	})
}
