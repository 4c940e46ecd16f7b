package typography

import (
	"cmp"
	"slices"

	"github.com/agext/levenshtein"
)

// Nearest returns the candidate most similar to a word, "" if none is similar.
func Nearest(word string, candidates []string) string {
	best, score := "", 0.0
	for _, c := range candidates {
		if near := Nearness(word, c); near > score {
			best, score = c, near
		}
	}
	return best
}

// Closest returns the candidate most similar to a word, with a bonus for a common prefix, however low the similarity.
func Closest(word string, candidates []string) string {
	params := levenshtein.NewParams().BonusThreshold(0)
	return slices.MaxFunc(candidates, func(a, b string) int {
		return cmp.Compare(levenshtein.Match(word, a, params), levenshtein.Match(word, b, params))
	})
}

// Nearness returns the similarity of two words from 0, not confusable, to 1. Two swapped letters are still similar.
func Nearness(a, b string) float64 {
	match := levenshtein.Match(a, b, nil)
	if distance := levenshtein.Distance(a, b, nil); match < 0.5 && (distance > 2 || distance >= min(len(a), len(b))) {
		return 0
	}
	return match
}
