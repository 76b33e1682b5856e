package ownhost

import "testing"

func TestIs(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:4318": true, "127.0.0.1": true, "192.0.2.1:80": true, "[::1]:4318": true, "[::1]": true,
		"host.docker.internal:4318": true, "mine": true, "Mine:1": true,
		"": false, "evil.example": false, "evil.example:4318": false, "127.0.0.1.nip.io": false, "127.1": false, "0x7f000001": false,
		"localhost.": false, "localhost@evil.example": false, "mine.evil.example": false,
	} {
		if got := Is(host, "mine"); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}
