package exit

import (
	"errors"
	"fmt"
	"testing"
)

func TestReason(t *testing.T) {
	for _, c := range []struct {
		err        error
		text, bare string
		status     int
	}{
		{NothingToDrawf("no spans in %s", "x"), "nothing to draw: no spans in x", "no spans in x", Nothing},
		{&NothingToDraw{"all skipped"}, "nothing to draw: all skipped", "all skipped", Failed},
		{With(Nothing, errors.New("tempo: no traces")), "tempo: no traces", "tempo: no traces", Nothing},
		{fmt.Errorf("flags: %w", Usagef("--limit %d", -1)), "flags: --limit -1", "flags: --limit -1", Usage},
	} {
		bare := Reason(c.err)
		if c.err.Error() != c.text || bare.Error() != c.bare || Status(c.err) != c.status || Status(bare) != c.status {
			t.Errorf("%q (%d) has the reason %q (%d); want %q, %q and %d", c.err, Status(c.err), bare, Status(bare), c.text, c.bare, c.status)
		}
	}
	if Status(nil) != Done {
		t.Errorf("no error has the status %d", Status(nil))
	}
}
