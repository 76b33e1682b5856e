package tracefile

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/tempograph/tempograph/servicegraph"
)

// zst compresses with zstd.
func zst(tb testing.TB, data []byte) []byte {
	tb.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return z.EncodeAll(data, nil)
}

// A compressed file gives the same spans as the file, by Read and by Load. So does a file of
// several compressed streams.
func TestCompressed(t *testing.T) {
	for format, data := range map[string][]byte{
		"protobuf": sdkMessages(5000),
		"JSON":     bytes.Repeat(jsonLines(t, everything()...), 100),
	} {
		want := plainly(t, Read(bytes.NewReader(data), "input", Config{}), servicegraph.Config{})
		for codec, compressed := range map[string][]byte{
			"gzip": slices.Concat(zip(t, data[:1000]), zip(t, data[1000:])),
			"zstd": slices.Concat(zst(t, data[:1000]), zst(t, data[1000:])),
		} {
			if diff := cmp.Diff(want, checkLoad(t, compressed, servicegraph.Config{})); diff != "" {
				t.Errorf("%s with %s (-want +got):\n%s", format, codec, diff)
			}
		}
	}
}

func TestDamagedZstd(t *testing.T) {
	whole := zst(t, sdkMessages(5000))
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-2] ^= 1 // of the checksum
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":           {zst(t, []byte{}), "it is empty: a zstd stream without content"},
		"cut off":           {whole[:len(whole)-10], "the zstd stream ends early (unexpected EOF) after "},
		"cut off at once":   {whole[:9], "the zstd stream ends early (unexpected EOF) after 0 spans"},
		"a wrong checksum":  {flipped, "the zstd stream is damaged (CRC check failed) after "},
		"other bytes at it": {slices.Concat(whole, []byte("tail")), "the zstd stream is damaged (invalid input: magic number mismatch) after "},
	} {
		if got := checkLoad(t, c.data, servicegraph.Config{}).Err; !strings.HasPrefix(got, "reading input: "+c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	broken := errors.New("the disk is broken")
	lost := io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), iotest.ErrReader(broken))
	if err := Load(servicegraph.NewBuilder(servicegraph.Config{}), lost, "input", LoadConfig{}); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
}
