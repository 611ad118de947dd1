// Package survive runs the real program, several processes of it where that matters, and does to
// it what the world does: races, closed sockets, kill -9, a database that goes away, keys that
// rotate and a year that passes. What was acknowledged must hold afterwards.
//
// A [site] is one database, one mail server and the processes on them; its clock is driven. All
// processes are children of the test, listen on loopback, and end when the test does, however
// it ends.
package survive

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// scratch holds the program, and goes away with the tests.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "gatehouse-survive-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		scratch = dir
		return m.Run()
	}())
}

// program builds the real program, once, and returns its path.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "gatehouse")
	build := exec.Command("go", "build", "-o", path, "../../cmd/gatehouse")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
})

// rounds returns how often to do something: less in short mode.
func rounds(full, short int) int {
	if testing.Short() {
		return short
	}
	return full
}

// parallel runs fn for 0 to n-1 at the same moment and returns when all are done.
func parallel(n int, fn func(i int)) {
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			fn(i)
		})
	}
	done.Wait()
}

// fewAtOnce runs fn for 0 to n-1, so many at once as a server takes without anybody being told to
// come back.
func fewAtOnce(n int, fn func(i int)) {
	const width = 4
	parallel(width, func(first int) {
		for i := first; i < n; i += width {
			fn(i)
		}
	})
}
