package gatehousetest

import "testing"

// chapter is what the battery proves about one feature.
type chapter struct {
	feature Feature
	scenes  []scene
}

type scene struct {
	name  string
	prove func(*testing.T)
}

// contents is the table of contents of the battery.
func (b *battery) contents() []chapter {
	return []chapter{
		{Registration, []scene{
			{"answers 201 and the address", b.registers},
			{"says the same for a taken address and tells its owner", b.registersTaken},
			{"refuses weak passwords and malformed addresses", b.registersBadly},
			{"grants nothing that was not offered", b.registersAsAdmin},
		}},
		{Verification, []scene{
			{"stands before the first sign-in", b.verificationStandsBefore},
			{"survives whoever only looks at the link", b.verificationSurvivesLooks},
			{"works once", b.verifiesOnce},
			{"refuses tokens it never mailed", b.verifiesForged},
			{"mails the link again to whoever waits and to nobody else", b.resends},
			{"leaves nothing to a stranger who registered first", b.verifiesOwner},
			{"refuses links of yesterday", b.verifiesLate},
		}},
		{Login, []scene{
			{"answers tokens and the account", b.signsIn},
			{"does not care how the address is spelled", b.signsInUpperCase},
			{"says the same for a wrong password and a missing account", b.signsInWrongly},
			{"stops guessing and says for how long", b.stopsGuessing},
		}},
		{Issuance, []scene{
			{"signs tokens that the published keys verify", b.issues},
			{"publishes public keys and where they are", b.publishes},
			{"is refused by services the token is not for", b.issuesForOne},
			{"accepts no token that was tampered with", b.refusesTampered},
		}},
		{Profile, []scene{
			{"shows the account", b.showsAccount},
			{"changes the profile and nothing else", b.changesProfile},
		}},
		{Refresh, []scene{
			{"rotates", b.rotates},
			{"repeats its answer when it was lost", b.repeats},
			{"ends the session when an old token comes back", b.endsOnReplay},
			{"ends the session when a spent token comes back late", b.endsOnLateReplay},
			{"signs nobody out when fifty come at once", b.refreshesInParallel},
			{"refuses what is no refresh token", b.refreshesBadly},
			{"ends with the time it announced", b.refreshesLate},
		}},
		{Cookies, []scene{
			{"keep the refresh token from scripts after every rotation", b.rotatesCookie},
			{"are refused to foreign origins", b.refusesForeignOrigin},
			{"are left alone when the body names a token", b.prefersBody},
			{"are refused when there are two", b.refusesTwoCookies},
			{"cannot be turned into body tokens", b.refusesOtherTransport},
			{"are cleared by signing out", b.clearsCookie},
		}},
		{Logout, []scene{
			{"ends the session at once and can be repeated", b.signsOut},
			{"takes an access token as well", b.signsOutByBearer},
			{"is kind to bad tokens", b.signsOutBadly},
			{"ends every session when asked to", b.signsOutEverywhere},
		}},
		{Sessions, []scene{
			{"are listed and ended one by one", b.endsOther},
			{"of others cannot be ended", b.endsForeign},
		}},
		{TokenEndpoints, []scene{
			{"tell whether a token is good right now", b.verifiesTokens},
			{"revoke", b.revokes},
		}},
		{PasswordChange, []scene{
			{"wants the present password", b.changesPasswordBadly},
			{"ends all other sessions", b.changesPassword},
		}},
		{PasswordReset, []scene{
			{"says the same whether or not there is an account", b.asksForReset},
			{"works once and ends all sessions", b.resets},
			{"survives whoever only looks at the link, and a weak password", b.resetSurvives},
			{"dies when the owner signs in", b.resetDiesOnSignIn},
			{"refuses links of an hour ago", b.resetsLate},
		}},
		{SecondFactor, []scene{
			{"is asked for once it is set up and takes a code once", b.asksForCodes},
			{"bears five wrong codes and no unusual spelling", b.bearsWrongCodes},
			{"is kept by whoever only begins another", b.keepsFactors},
			{"is asked for after a reset of the password too", b.asksForCodesAfterReset},
		}},
		{BackupCodes, []scene{
			{"open once each and are replaced together", b.spendsBackupCodes},
		}},
		{StepUp, []scene{
			{"asks for a new proof of an old session", b.stepsUp},
			{"takes no password where there is a second factor", b.stepsUpStrongly},
		}},
		{Leaving, []scene{
			{"takes a copy of what is held along", b.exports},
			{"erases the account for its password alone", b.erases},
		}},
		{Tenants, []scene{
			{"are not needed", b.tenantsAreOptional},
			{"refuse who belongs elsewhere, like ones that are not there", b.refusesForeigners},
			{"want a token of their own", b.wantsTheTenantsToken},
			{"are what a refresh token can be pinned to", b.pinsToATenant},
			{"invite an address once", b.invitesOnce},
			{"give each role what it has and no more", b.keepsRolesApart},
			{"see at once who was removed", b.forgetsWhoWasRemoved},
			{"keep an owner", b.keepsAnOwner},
		}},
		{Pages, []scene{
			{"sign in and out by a cookie of their own", b.signsInToPages},
			{"take no form from elsewhere", b.refusesForeignForms},
		}},
		{Protection, []scene{
			{"asks everybody for a token", b.asksForToken},
			{"takes tokens from the one header only", b.takesOneHeader},
			{"covers your endpoint", b.coversProtected},
			{"keeps your endpoint for administrators", b.coversAdminOnly},
			{"ends when the access token expires", b.endsWithExpiry},
		}},
		{Refusals, []scene{
			{"of unknown paths and methods are problems", b.refusesUnknown},
			{"of hostile bodies are problems that echo nothing", b.refusesHostile},
		}},
	}
}
