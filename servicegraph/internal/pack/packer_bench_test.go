package pack

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// BenchmarkMemos measures the benefit of the packer's memos of interpretations. It packs client
// spans with one of 100 hosts, and INTERNAL spans without attributes, with all memos and without
// one of them. The comments of the memos have the results.
func BenchmarkMemos(b *testing.B) {
	client, filter := &Span{TraceID: [16]byte{1}, SpanID: [8]byte{1}, Kind: semconv.Client}, semconv.FilterFor(semconv.Client, semconv.Options{})
	key := filter.Key([]byte("server.address"))
	hosts := make([][]byte, 100)
	for i := range hosts {
		hosts[i] = fmt.Appendf(nil, "host-%d.example", i)
	}
	plain := &Span{TraceID: [16]byte{1}, SpanID: [8]byte{2}, Kind: semconv.Internal}
	for _, c := range []struct {
		name   string
		clear  func(*Packer) // before each span
		client bool
	}{
		{"client/all", func(*Packer) {}, true},
		{"client/no-interpretations", func(p *Packer) { clear(p.interpretations); p.nearInterpretations.Off = true }, true},
		{"internal/all", func(*Packer) {}, false},
		{"internal/no-plain", func(p *Packer) { p.plain[semconv.Internal] = 0 }, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := NewPacker(semconv.Options{})
			resource := p.AddResource([]byte("r"), "s", "", nil)
			for i := 0; b.Loop(); i++ {
				c.clear(p)
				if c.client {
					client.ClearAttrs()
					client.AddAttr(filter, key, hosts[i%len(hosts)])
					p.Add(resource, client)
				} else {
					p.Add(resource, plain)
				}
				if p.Len() == 1000 {
					p.Batch().Recycle()
				}
			}
		})
	}
}

// BenchmarkMemo finds 40 bytes, as sets of attributes have, and 300, as resources have, in a Memo and in a map.
func BenchmarkMemo(b *testing.B) {
	for _, size := range []int{40, 300} {
		keys := make([][]byte, 100)
		known := make(map[string]uint32)
		var m Memo[uint32]
		for i := range keys {
			keys[i] = fmt.Appendf(nil, "%0*d", size, i)
			known[string(keys[i])] = uint32(i)
			m.Add(string(keys[i]), uint32(i))
		}
		keys = slices.DeleteFunc(keys, func(key []byte) bool { _, ok := m.Find(key); return !ok }) // those whose place another has
		b.Run(fmt.Sprintf("memo/%d", size), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, ok := m.Find(keys[i%len(keys)]); !ok {
					b.Fatal("not found")
				}
			}
		})
		b.Run(fmt.Sprintf("map/%d", size), func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				if _, ok := known[string(keys[i%len(keys)])]; !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}
