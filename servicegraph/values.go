package servicegraph

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tempograph/tempograph/servicegraph/internal/semconv"
)

// AttrText returns the text of an attribute's value for an [Attr]. Every source uses it, so
// that equal values have equal texts, wherever they come from. A value is a string, a bool, an
// int64 or a float64. For any other value, such as a list, a map or bytes, AttrText returns
// false: such values name no part of a graph, and sources leave them out.
//
// Floating point numbers have no exponent from 0.000001 to below 10²¹: 1000000 is "1000000".
// U+FFFD replaces every byte of a string that is not UTF-8.
func AttrText(value any) (text string, ok bool) {
	switch v := value.(type) {
	case string:
		return semconv.ValidText(v), true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		format := byte('f')
		if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
			format = 'e'
		}
		return strconv.FormatFloat(v, format, -1, 64), true
	}
	return "", false
}

// KindOf returns the kind with a number of OTLP, KindUnset for a number that OTLP does not
// have yet.
func KindOf(number int64) Kind {
	if number < 0 || number > int64(KindConsumer) {
		return KindUnset
	}
	return Kind(number)
}

// ParseKind returns the kind with a name, in any case: see [Kind.String].
func ParseKind(name string) (Kind, bool) {
	i := indexFold(kindNames[:], name)
	return Kind(max(i, 0)), i >= 0
}

// StatusOf returns the status with a number of OTLP, StatusUnset for a number that OTLP does
// not have yet.
func StatusOf(number int64) Status {
	if number < 0 || number > int64(StatusError) {
		return StatusUnset
	}
	return Status(number)
}

// ParseStatus returns the status with a name, in any case: see [Status.String].
func ParseStatus(name string) (Status, bool) {
	i := indexFold(statusNames[:], name)
	return Status(max(i, 0)), i >= 0
}

var statusNames = [...]string{"unset", "ok", "error"}

// String returns the lower-case name of the status, "status(n)" for an unknown one.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// indexFold returns the index of a name, in any case, -1 if it is not in the list.
func indexFold(names []string, name string) int {
	for i, n := range names {
		if strings.EqualFold(n, name) {
			return i
		}
	}
	return -1
}
