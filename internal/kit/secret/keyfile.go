package secret

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// LoadOrCreateKEK reads the key-encryption key in file, or makes one there, readable by
// the owner alone. Several processes may start at once: one key is made, and all read it.
// A file that others can read is refused. It is for development; in production the
// operator brings the key.
func LoadOrCreateKEK(file string) (KEK, error) {
	key, err := loadKEK(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createKey(file); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("secret: make a key file: %w", err)
	}
	return loadKEK(file)
}

func loadKEK(file string) (KEK, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("secret: read the key file: %w", err)
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("secret: read the key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" { // which has no such bits
		return nil, fmt.Errorf("secret: %s can be read by others: run `chmod 600` on it", file)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("secret: read the key file: %w", err)
	}
	key, err := NewKEK(string(text))
	if err != nil {
		return nil, fmt.Errorf("%w (in %s)", err, file)
	}
	return key, nil
}

// createKey writes a new key beside file and then links it there: the name appears with
// its whole content or not at all, and never replaces another process's key.
func createKey(file string) error {
	var key [KeyBytes]byte
	_, _ = rand.Read(key[:])                             // never fails: it ends the program instead
	f, err := os.CreateTemp(filepath.Dir(file), ".key-") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // a second name of the file, or a failed try
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key[:]) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), file)
}
