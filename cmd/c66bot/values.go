package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// text returns a setting's value or its default. A list comes out comma-separated, a secret out of its file.
func (s *sources) text(of setting) (string, error) {
	if of.secret {
		path, ok := asText(s.values.Get(of.fileKey()))
		if !ok {
			return "", fmt.Errorf("%s is not one text: give the path of a file", label(of.fileKey()))
		}
		if path != "" {
			return readSecretFile(of.fileKey(), path)
		}
	}
	value := s.values.Get(of.key)
	if value == nil {
		return of.fallback, nil
	}
	if _, ok := value.(string); of.secret && !ok { // YAML reads some tokens as numbers.
		return "", fmt.Errorf("%s is not a text: put it in quotes", label(of.key))
	}
	if items, ok := value.([]any); ok && of.list {
		return joinList(of.key, items)
	}
	text, ok := asText(value)
	if !ok {
		return "", fmt.Errorf("%s is not one value: give it as one text or number", label(of.key))
	}
	return text, nil
}

// joinList writes a YAML list as the environment would spell it.
func joinList(key string, items []any) (string, error) {
	var texts []string
	for _, item := range items {
		text, ok := asText(item)
		if !ok || text == "" {
			return "", fmt.Errorf("%s has an item that is empty or not one value: give a list of texts", label(key))
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ","), nil
}

// asText returns what YAML holds as one value, empty for none.
func asText(value any) (string, bool) {
	switch value := value.(type) {
	case nil:
		return "", true
	case string:
		return value, true
	case bool, int, int64, uint64, float64:
		return fmt.Sprint(value), true
	default:
		return "", false
	}
}

// readSecretFile returns what the file that a key names holds, without the line's end. It does not repeat a path
// that could be the secret itself, put there by mistake.
func readSecretFile(key, path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		if pathErr, ok := errors.AsType[*fs.PathError](err); ok && !strings.ContainsRune(path, os.PathSeparator) {
			err = pathErr.Err
		}
		return "", fmt.Errorf("%s names a file that cannot be read: %w", label(key), err)
	}
	secret := strings.TrimRight(string(content), "\r\n")
	if secret == "" {
		return "", fmt.Errorf("%s names an empty file: write the token into it", label(key))
	}
	return secret, nil
}
