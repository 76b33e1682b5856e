// Package webserver listens at the addresses that flags name, and serves HTTP with bounds on the
// memory and the time of a connection.
package webserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/internal/ownhost"
)

// Listen listens at an address that a flag names.
func Listen(flag, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err == nil {
		return l, nil
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--%s %s: the port is in use: stop the program that listens there, or choose another port with --%s", flag, addr, flag)
	}
	return nil, exit.Usagef("--%s %s: %w: want the host and the port of an address of this machine, such as 127.0.0.1:8080", flag, addr, err)
}

// Dialable returns the address at which clients reach a listener. A listener on all
// interfaces is reached at localhost.
func Dialable(addr net.Addr) string {
	if a, ok := addr.(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		return fmt.Sprintf("localhost:%d", a.Port)
	}
	return addr.String()
}

// HostsOf returns the host names that requests to a listen address may carry: the host in the
// address, and the name of this machine if other machines can reach the address.
func HostsOf(addr string) []string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil
	}
	hosts := []string{host}
	if ip := net.ParseIP(host); host == "" || ip != nil && !ip.IsLoopback() {
		if name, err := os.Hostname(); err == nil {
			hosts = append(hosts, name)
		}
	}
	return hosts
}

// grace is how long open requests may take after ctx of Serve is done.
const grace = 300 * time.Millisecond

// New returns a server that bounds the number of its connections, and the memory and the time of
// each. It thereby resists clients that send no request, send an endless head, or do not read the
// answer. Event streams set their own deadlines.
func New(h http.Handler) *http.Server {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      5 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10, // browsers send the cookies of all servers on localhost
	}
	limitConnections(server, maxConnections)
	return server
}

// Serve serves until ctx is done. Then it waits up to the time grace for open requests, and closes
// all connections.
func Serve(ctx context.Context, l net.Listener, server *http.Server) error {
	server.BaseContext = func(net.Listener) context.Context { return ctx } // makes event streams end with ctx
	context.AfterFunc(ctx, func() {
		// The parent is not ctx, because ctx is already done.
		short, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if server.Shutdown(short) != nil {
			server.Close()
		}
	})
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// OwnHosts returns a function that reports whether a host name is one by which senders may reach
// the listener. It returns nil, which accepts all names, if other machines can reach the listener:
// they may know this machine by any name.
func OwnHosts(l net.Listener, addr string) func(host string) bool {
	if a, ok := l.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		return nil
	}
	names := HostsOf(addr)
	return func(host string) bool { return ownhost.Is(host, names...) }
}
