namespace RftService.Api.Datasets;

/// <summary>Cuts a stream of bytes into lines while holding one line at most. Line ends are `\n`; a `\r` before it stays in the line.</summary>
/// <param name="maxLength">Bytes of the longest line that is handed on; of a longer one only its existence.</param>
/// <param name="onLine">Receives each line; the memory is valid during the call only.</param>
internal sealed class LineSplitter(int maxLength, LineSplitter.LineHandler onLine)
{
    /// <param name="line">The line without its `\n`; empty when it is too long.</param>
    /// <param name="offset">Where the line starts in the file.</param>
    /// <param name="length">Its length in bytes.</param>
    public delegate void LineHandler(ReadOnlyMemory<byte> line, long offset, long length);

    private byte[] _carry = [];
    private int _carried;
    private long _lineStart;

    /// <summary>Bytes seen.</summary>
    public long Position { get; private set; }

    public void Feed(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var end = bytes.Span.IndexOf((byte)'\n');
            if (end < 0)
            {
                Position += bytes.Length;
                Carry(bytes.Span);
                return;
            }

            Position += end;
            Emit(bytes[..end]);
            Position++;
            _lineStart = Position;
            bytes = bytes[(end + 1)..];
        }
    }

    /// <summary>The end of the file: hands on a last line that has no line end.</summary>
    public void Complete()
    {
        if (Position > _lineStart)
        {
            Emit(ReadOnlyMemory<byte>.Empty);
        }
    }

    private void Emit(ReadOnlyMemory<byte> rest)
    {
        var length = Position - _lineStart;
        if (length > maxLength)
        {
            rest = ReadOnlyMemory<byte>.Empty;
        }
        else if (_carried > 0)
        {
            Carry(rest.Span);
            rest = _carry.AsMemory(0, _carried);
        }

        _carried = 0;
        onLine(rest, _lineStart, length);
    }

    private void Carry(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > maxLength - _carried)
        {
            return; // too long already: Emit goes by the length and drops what was carried
        }

        if (_carry.Length < _carried + bytes.Length)
        {
            Array.Resize(ref _carry, Math.Min(maxLength, Math.Max(_carried + bytes.Length, 2 * _carry.Length)));
        }

        bytes.CopyTo(_carry.AsSpan(_carried));
        _carried += bytes.Length;
    }
}
