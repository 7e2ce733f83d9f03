-- Lets go of what has gone by itself, and counts the rest.
-- KEYS: as above. ARGV: ms that what is unknown is kept.
sweep(ARGV[1])
return {tally()}
