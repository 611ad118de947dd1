package signin

// Given is the token that the browser is known by from now on.
func (s *SignedIn) Given() Browser {
	if s.browser.next != "" {
		return Browser{Token: s.browser.next}
	}
	return Browser{Token: s.browser.Token}
}
