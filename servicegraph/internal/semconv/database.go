package semconv

import (
	"cmp"
	"strings"
)

func (a *Attrs) hasDatabase() bool {
	return a.dbSystem != "" || a.dbSystemOld != "" || a.dbNamespace != "" || a.dbName != ""
}

// database returns the logical database, or the system where no name tells databases apart:
// Redis numbers its databases, and a node called "0" would say nothing (D6). PostgreSQL's new
// namespace is "database|schema", its old name the database alone: both give one node (D2).
func (a *Attrs) database() string {
	name := cmp.Or(a.dbNamespace, a.dbName)
	system := a.databaseSystem()
	if system == "microsoft.sql_server" { // instance|database
		name = name[strings.LastIndexByte(name, '|')+1:]
	} else {
		name, _, _ = strings.Cut(name, "|")
	}
	if name == "" || (isNumber(name) && system != "") {
		return cmp.Or(system, name)
	}
	return name
}

func (a *Attrs) databaseSystem() string { return databaseSystem(cmp.Or(a.dbSystem, a.dbSystemOld)) }

// isNumber reports whether a text consists of digits.
func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
