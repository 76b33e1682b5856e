package servicegraph

import "slices"

// detailAttrs returns the details that a caller gave as attributes, sorted by key.
func detailAttrs(d detail) (attrs []Attr) {
	for key, value := range d.All() {
		attrs = append(attrs, Attr{key, value})
	}
	return attrs
}

func compareDetails(a, b detail) int {
	return slices.CompareFunc(detailAttrs(a), detailAttrs(b), compareAttrs)
}

// addDetail notes a detail of a call on the edge. Most calls of an edge have the same detail
// as the one before.
func (e *edgeSum) addDetail(names *symbols, i detailIndex) {
	if i == 0 || i == e.detail {
		return
	}
	e.detail = i
	for key, value := range names.detailOf(i).All() {
		if value == e.ID.To.Name {
			continue // the callee is named after it
		}
		set, truncated := attrSet(e.Attrs).with(Attr{key, value})
		e.Attrs, e.AttrsTruncated = set, e.AttrsTruncated || truncated
	}
}
