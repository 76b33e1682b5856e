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
// 16 MB, so a request has a turn among the small ones until it turns out to be large. What a small
// request needs of the budget is taken before its turn, so that nobody waits for room in it.
func (r *Receiver) takeCompressed(ctx context.Context, room *room, compressed []byte, decompress func(io.Reader) (io.Reader, error), take func([]byte) error) error {
	if err := room.grow(ctx, decompressBytes+largeRequest+1); err != nil {
		return err
	}
	var from io.Reader
	var data []byte
	var whole bool
	err := r.small.run(ctx, func() (err error) {
		if from, err = decompress(bytes.NewReader(compressed)); err != nil {
			return errReading(err)
		}
		data, whole, err = read(make([]byte, 0, firstBytes), from, largeRequest, func(int) error { return nil })
		if err != nil || !whole {
			return err
		}
		return take(data)
	})
	if err != nil || whole {
		return err
	}
	return r.large.run(ctx, func() error {
		data, whole, err := read(data, from, MaxRequest, func(bytes int) error { return room.grow(ctx, bytes) })
		switch {
		case err != nil:
			return err
		case !whole:
			return errTooManyBytes()
		}
		return take(data)
	})
}
