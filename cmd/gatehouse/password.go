package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// passwordFlags say where a password comes from. It is never an argument or a variable: those
// can be read by every process of the machine's user, and shells remember them.
type passwordFlags struct {
	PasswordStdin bool   `xor:"password" help:"Read the password from standard input."`
	PasswordFile  string `xor:"password" help:"Read the password from a file." placeholder:"FILE"`
	AnyPassword   bool   `help:"Do not ask the password policy."`
}

// maxPassword is how much is read at most, in bytes: more than any password can have.
const maxPassword = 8 << 10

// read returns the password, asking for it twice where a person sits at a terminal.
func (f passwordFlags) read(ctx context.Context) (string, error) {
	switch {
	case f.PasswordFile != "":
		file, err := os.Open(f.PasswordFile)
		if err != nil {
			return "", err
		}
		defer file.Close() //nolint:errcheck // it was only read
		return readPassword(file)
	case f.PasswordStdin:
		return readPassword(os.Stdin)
	case !term.IsTerminal(int(os.Stdin.Fd())):
		return "", usage("there is no terminal to ask for a password; use --password-stdin or --password-file")
	}
	first, err := prompt(ctx, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := prompt(ctx, "Password again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the passwords differ")
	}
	return first, nil
}

// readPassword reads all of r without the newline at its end.
func readPassword(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxPassword))
	if err != nil {
		return "", err
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	if len(b) == 0 {
		return "", errors.New("the password is empty")
	}
	return string(b), nil
}

// prompt asks at the terminal without echo. An interruption gives the terminal back as it was.
func prompt(ctx context.Context, question string) (string, error) {
	fd := int(os.Stdin.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(os.Stderr, question)
	type line struct {
		text []byte
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		typed <- line{text, err}
	}()
	select {
	case l := <-typed:
		fmt.Fprintln(os.Stderr)
		if l.err == nil && len(l.text) == 0 {
			l.err = errors.New("the password is empty")
		}
		return string(l.text), l.err
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr)
		return "", errors.Join(errors.New("interrupted"), term.Restore(fd, state))
	}
}
