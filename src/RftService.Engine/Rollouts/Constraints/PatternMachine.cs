namespace RftService.Engine.Rollouts.Constraints;

/// <summary>
/// A pattern as a machine that may be in several states at once (Thompson 1968). As JSON Schema has it, a pattern may be found anywhere in a text.
/// </summary>
internal sealed class PatternMachine
{
    private const int MostStates = 4000;

    private readonly List<State> _states = [];
    private readonly string _place;
    private readonly int _start;
    private readonly int _found;

    /// <exception cref="SchemaRefusedException">It becomes too large.</exception>
    public PatternMachine(PatternNode pattern, string place)
    {
        _place = place;
        _found = New(new State { Set = CharacterSet.All });
        _states[_found].Next.Add(_found); // anything may follow what was sought
        var body = Add(pattern, _found);
        var before = New(new State { Set = CharacterSet.All });
        _start = New(new State { Next = { body, before } });
        _states[before].Next.Add(_start);
    }

    private enum Anchor
    {
        None,
        Start,
        End,
    }

    /// <summary>Sets of characters that it asks for, by state.</summary>
    public IReadOnlyList<CharacterSet?> Sets => [.. _states.Select(state => state.Set)];

    /// <summary>States before the first character, in order.</summary>
    public int[] Begin() => Close([_start], atStart: true);

    /// <summary>States after one more character.</summary>
    /// <param name="from">States that take it.</param>
    public int[] After(IEnumerable<int> from) => Close([.. from.Select(state => _states[state].Next[0])], atStart: false);

    /// <summary>Whether a text that has come here may end.</summary>
    public bool MayEnd(int[] states, bool atStart)
    {
        var seen = new HashSet<int>();
        var open = new Stack<int>(states);
        while (open.TryPop(out var one))
        {
            if (one == _found)
            {
                return true;
            }

            var state = _states[one];
            if (seen.Add(one) && state.Set is null && (state.Anchor != Anchor.Start || atStart))
            {
                state.Next.ForEach(open.Push);
            }
        }

        return false;
    }

    // Keeps `$` itself: only at the end is it passed. Others that take no character are passed and left out.
    private int[] Close(IEnumerable<int> states, bool atStart)
    {
        var (seen, kept) = (new HashSet<int>(), new SortedSet<int>());
        var open = new Stack<int>(states);
        while (open.TryPop(out var one))
        {
            if (!seen.Add(one))
            {
                continue;
            }

            var state = _states[one];
            if (state.Set is not null || state.Anchor == Anchor.End)
            {
                kept.Add(one);
            }
            else if (state.Anchor != Anchor.Start || atStart)
            {
                state.Next.ForEach(open.Push);
            }
        }

        return kept.Contains(_found) ? [_found] : [.. kept]; // found is found: where else it may be does not matter
    }

    private int Add(PatternNode node, int next)
    {
        switch (node)
        {
            case PatternNode.One one:
                return New(new State { Set = one.Set, Next = { next } });
            case PatternNode.Start:
                return New(new State { Anchor = Anchor.Start, Next = { next } });
            case PatternNode.End:
                return New(new State { Anchor = Anchor.End, Next = { next } });
            case PatternNode.Sequence sequence:
                return New(new State { Next = { sequence.Parts.Reverse().Aggregate(next, (behind, part) => Add(part, behind)) } });
            case PatternNode.Choice choice:
                var ways = new State();
                ways.Next.AddRange(choice.Ways.Select(way => Add(way, next)));
                return New(ways);
            case PatternNode.Repeat repeat:
                return Repeat(repeat, next);
            default:
                throw new InvalidOperationException($"no machine for {node.GetType().Name}");
        }
    }

    private int Repeat(PatternNode.Repeat repeat, int next)
    {
        var first = next;
        if (repeat.Most is { } most)
        {
            for (var count = repeat.Least; count < most; count++)
            {
                first = New(new State { Next = { Add(repeat.Part, first), next } });
            }
        }
        else
        {
            first = New(new State { Next = { next } });
            _states[first].Next.Add(Add(repeat.Part, first));
        }

        for (var count = 0; count < repeat.Least; count++)
        {
            first = Add(repeat.Part, first);
        }

        return first;
    }

    private int New(State state)
    {
        if (_states.Count == MostStates)
        {
            throw new SchemaRefusedException(_place, $"the pattern is too large: its parts, repeated as often as they may be, are more than {MostStates}");
        }

        _states.Add(state);
        return _states.Count - 1;
    }

    private sealed class State
    {
        /// <summary>Takes one of these; null: takes nothing.</summary>
        public CharacterSet? Set { get; init; }

        public Anchor Anchor { get; init; }

        public List<int> Next { get; } = [];
    }
}
